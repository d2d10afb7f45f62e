from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[2]
BASE = ROOT / "media" / "base"


class Extension:
    """What the extension's own reader says of a run directory."""

    node = ROOT / "node_modules" / ".bin" / ("node.cmd" if os.name == "nt" else "node")

    def read(self, directory: Path) -> dict[str, Any]:
        script = Path(__file__).parent / "read_run.ts"
        command = [str(self.node), str(script), str(directory)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout)
        return found


@pytest.fixture
def extension() -> Extension:
    if not Extension.node.exists():
        pytest.skip("the extension's own Node is not installed (npm ci)")
    return Extension()
