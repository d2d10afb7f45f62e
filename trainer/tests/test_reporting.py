"""What W&B, TensorBoard and trackio are told, read back from what they wrote without a network."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import training

HERE = Path(__file__).parent

NAMES = [
    *("reward", "reward_std", "rewards/accuracy", "entropy", "kl", "clip_ratio", "grad_norm"),
    *(f"tokens/{one}" for one in ("generated", "reused", "trained")),
    *(
        f"adaptive/{one}"
        for one in (
            "truncation_rate",
            "resample_rate",
            "avg_failure_point",
            "total_rollouts",
            "sibling_reward_std",
            "rescue_rate",
            "importance_ess",
        )
    ),
    *(f"time/{one}" for one in ("step", "generate", "score", "credit", "record")),
]
"""The design's."""


def steps_of(trainer: Any) -> list[dict[str, float]]:
    """What TRL logged of each step."""
    found = [line for line in trainer.state.log_history if "grad_norm" in line]
    assert len(found) == 2
    return found


def records(path: Path) -> Iterator[bytes]:
    """W&B's file: 7 bytes of its own, then a LevelDB log in blocks of 32 KiB."""
    data = path.read_bytes()
    assert data.startswith(b":W&B")
    at, pieces = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        pieces += data[at + 7 : at + 7 + length]
        at += 7 + length
        # 1: all of a record; 2, 3, 4: its first, a middle, its last part.
        if kind in (1, 4):
            yield pieces
            pieces = b""


def history(folder: Path) -> list[dict[str, float]]:
    """The rows of a run's history."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    deadline = time.monotonic() + 20
    # W&B's own process writes it, and may still do so when `finish` returns.
    while True:
        found = [wandb_internal_pb2.Record.FromString(data) for data in records(path)]
        if any(one.WhichOneof("record_type") == "exit" for one in found):
            break
        assert time.monotonic() < deadline, "W&B never came to an end"
        time.sleep(0.1)
    rows: list[dict[str, float]] = []
    for record in found:
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            keys = [item.key or "/".join(item.nested_key) for item in items]
            rows.append(
                {key: json.loads(item.value_json) for key, item in zip(keys, items, strict=True)}
            )
    return rows


def test_wandb_gets_every_metric_of_the_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    trainer = training.trainer(tmp_path, report_to="wandb", beta=0.02)
    trainer.train()
    wandb.finish()
    rows = [row for row in history(tmp_path) if "train/grad_norm" in row]
    for row, line in zip(rows, steps_of(trainer), strict=True):
        for name in NAMES:
            assert row[f"train/{name}"] == pytest.approx(line[name]), name


def test_tensorboard_gets_every_metric_of_the_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    trainer = training.trainer(tmp_path, report_to="tensorboard", beta=0.02)
    trainer.train()
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    for name in NAMES:
        told = [(one.step, one.value) for one in board.Scalars(f"train/{name}")][:2]
        lines = [(line["step"], line[name]) for line in steps_of(trainer)]
        # It keeps single precision, and some are told once more when training has ended.
        assert told == [(step, pytest.approx(value, rel=1e-6)) for step, value in lines], name


def test_trackio_gets_every_metric_of_the_design(tmp_path: Path) -> None:
    pytest.importorskip(
        "trackio", reason="trackio brings a web server with it: pip install trackio"
    )
    script = (
        "import json, training, pathlib\n"
        "trainer = training.trainer(pathlib.Path('out'), report_to='trackio', beta=0.02)\n"
        "trainer.train()\n"
        "print('TOLD' + json.dumps(trainer.state.log_history))"
    )
    # It looks for its folder when it is imported.
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio"), "TRACKIO_PROJECT": "p"}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent)])
    command = [sys.executable, "-c", script]
    options: Any = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    ran = subprocess.run(command, check=False, timeout=180, **options)
    assert ran.returncode == 0, ran.stderr
    (line,) = (one for one in ran.stdout.splitlines() if one.startswith("TOLD"))
    steps = [one for one in json.loads(line.removeprefix("TOLD")) if "grad_norm" in one]
    (path,) = (tmp_path / "trackio").glob("*.db")
    with closing(sqlite3.connect(path)) as database:
        logged = database.execute("SELECT step, metrics FROM metrics ORDER BY id").fetchall()
    rows = [json.loads(metrics) for _, metrics in logged]
    rows = [row for row in rows if "train/grad_norm" in row]
    for row, step in zip(rows, steps, strict=True):
        for name in NAMES:
            assert row[f"train/{name}"] == pytest.approx(step[name]), name
