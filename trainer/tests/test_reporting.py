"""What Weights & Biases is told, read back from what it wrote without a network."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import training

wandb = pytest.importorskip("wandb")


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
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    trainer = training.trainer(tmp_path, report_to="wandb", beta=0.02)
    trainer.train()
    wandb.finish()
    steps = [row for row in history(tmp_path) if "train/grad_norm" in row]
    told = [line for line in trainer.state.log_history if "grad_norm" in line]
    assert len(steps) == len(told) == 2
    names = ["reward", "reward_std", "rewards/accuracy", "entropy", "kl", "grad_norm"]
    names += [f"tokens/{one}" for one in ("generated", "reused", "trained")]
    names += [
        f"adaptive/{one}"
        for one in (
            "truncation_rate",
            "resample_rate",
            "avg_failure_point",
            "total_rollouts",
            "sibling_reward_std",
            "importance_ess",
        )
    ]
    names += [f"time/{one}" for one in ("generate", "score", "credit", "record")]
    for row, line in zip(steps, told, strict=True):
        for name in names:
            assert row[f"train/{name}"] == pytest.approx(line[name]), name
