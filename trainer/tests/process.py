"""The trainer as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import training
import yaml
from conftest import BASE

TRAINER = Path(__file__).parents[1]


def write_recipe(folder: Path, **keys: Any) -> Path:
    data = folder / "sums.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in training.problems(64)), "utf8")
    recipe = {
        "engine": "trl",
        "model_name_or_path": str(BASE),
        "dataset_name": "sums.jsonl",
        "reward_funcs": ["accuracy", "format"],
        "reward_weights": [1.0, 0.1],
        "per_device_train_batch_size": 16,
        "num_generations": 8,
        "max_completion_length": 48,
        "min_prefix_length": 5,
        "learning_rate": "1e-4",
        "max_steps": 3,
        "save_steps": 2,
        "report_to": "none",
        "gradient_checkpointing": False,
        **keys,
    }
    path = folder / "sums.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in recipe.items() if v is not None}), "utf8")
    return path


class Trainer:
    """A started `adaptive-grpo train`.

    Args:
        arguments: after `train`
        cwd: where
        prefix: of a launcher, between Python and the program
        program: what is launched
    """

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        prefix: tuple[str, ...] = (),
        program: tuple[str, ...] = ("-m", "adaptive_grpo"),
    ) -> None:
        command = [sys.executable, *prefix, *program, "train", *arguments]
        path = os.pathsep.join([str(TRAINER), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, Any]:
        """The one line it prints when it can be reached."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise AssertionError(self.process.communicate()[1])
        line: dict[str, Any] = json.loads(text)
        return line

    def end(self, timeout: float = 120) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def events(directory: Path) -> list[dict[str, Any]]:
    path = directory / "events.jsonl"
    if not path.exists():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def until(directory: Path, type_: str, count: int = 1, patience: float = 90) -> None:
    deadline = time.monotonic() + patience
    while sum(one["type"] == type_ for one in events(directory)) < count:
        assert time.monotonic() < deadline, [one["type"] for one in events(directory)]
        time.sleep(0.02)
