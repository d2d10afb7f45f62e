"""What is said where packages are missing, or are others than this trainer knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version
from process import TRAINER

from adaptive_grpo.compat import ABOVE, HIGHEST, LOWEST, check_trl


def told(code: str, *path: Path, options: tuple[str, ...] = ()) -> str:
    """What a Python of its own says, in which these folders come first."""
    places = os.pathsep.join(map(str, [*path, TRAINER]))
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", *options, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": places},
    )
    return ran.stdout + ran.stderr


def installed(folder: Path, number: str) -> Path:
    """What pip leaves of a package, without its code."""
    record = folder / f"trl-{number}.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.4\nName: trl\nVersion: {number}\n")
    return folder


TRAIN = "from adaptive_grpo.cli import main; print(main(['train', 'r.yaml']))"


@pytest.mark.parametrize("number", ["0.19.1", "1.12.0", "1.17.0.dev0", "1.17.0", "2.0.0"])
def test_another_trl(tmp_path: Path, number: str) -> None:
    sentence = f"TRL {number} is installed; this trainer works with 1.13 to 1.16."
    said = told(TRAIN, installed(tmp_path, number))
    assert said.splitlines() == [
        "1",
        sentence,
        'Install one of them: pip install "trl>=1.13,<1.17"',
    ], "no traceback, and nothing heavy was loaded before"
    watching = told("from adaptive_grpo import RolloutStreamCallback", tmp_path)
    assert sentence in watching.splitlines()[-1]


def test_no_packages_at_all() -> None:
    said = told(TRAIN, options=("-S",)).splitlines()
    assert said[-2].startswith("A package is missing: No module named '")
    assert said[-1].startswith("Install it, or the trainer again")
    served = TRAIN.replace("'r.yaml'", "'r.yaml', '--serve'")
    line = json.loads(told(served, options=("-S",)).splitlines()[0])
    assert line["type"] == "failed"
    assert line["message"].startswith("A package is missing")


def test_the_range_is_what_is_asked_of_pip() -> None:
    check_trl()
    wanted = (TRAINER / "pyproject.toml").read_text("utf8")
    assert f'"trl>={LOWEST},<{ABOVE}"' in wanted
    assert Version(LOWEST) <= Version(version("trl")) < Version(ABOVE)
    assert Version(HIGHEST) < Version(ABOVE)
