"""A run directory that Python writes is one that the extension reads, value for value."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import ROOT, Extension

from adaptive_grpo.errors import PlainError
from adaptive_grpo.run import Alternatives, DiskError, Recorder, RunWriter, SegmentRow
from adaptive_grpo.run.rows import encode_batch
from adaptive_grpo.run.scan import scan_events, scan_rollouts
from adaptive_grpo.run.schema import SCHEMA

VECTORS = json.loads((ROOT / "test" / "vectors" / "rollouts.json").read_text("utf8"))
RUNS = ROOT / "test" / "fixtures" / "runs"
NAMES = {
    pa.int32(): "int32",
    pa.float32(): "float32",
    pa.string(): "utf8",
    pa.bool_(): "bool",
    pa.list_(pa.int32()): "list<int32>",
    pa.list_(pa.float32()): "list<float32>",
    pa.list_(pa.float16()): "list<float16>",
    pa.map_(pa.string(), pa.float32()): "map<utf8, float32>",
}
ARRAYS = {
    "token_ids": np.int32,
    "token_ends": np.int32,
    "logprob": np.float32,
    "entropy": np.float32,
    "max_prob": np.float32,
    "advantage": np.float32,
    "ref_logprob": np.float32,
    "train_logprob": np.float32,
}


def manifest(**patch: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "run_id": "test",
        "name": "test",
        "engine": {"name": "trl", "version": "1.13.0"},
        "strategy": "adaptive",
        "recipe": {"use_token_adaptive": True},
        "model": "base",
        "seed": 42,
        "git_commit": None,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started_at": "2026-01-01T00:00:00Z",
        "state": "running",
        "max_steps": 3,
        "endpoint": None,
        "capture": {"top_k": 5, "below": 0.99, "groups_per_step": None},
        **patch,
    }


def row_of(cells: dict[str, Any]) -> SegmentRow:
    """A row from its columns as the vectors have them."""
    cells = dict(cells)
    index, ids, logprobs = (cells.pop(f"top_{name}") for name in ("index", "ids", "logprobs"))
    each = len(ids) // max(1, len(index))

    def alternatives(ids: list[int], logprobs: list[float]) -> Alternatives:
        return Alternatives(np.array(ids, np.int32), np.array(logprobs, np.float32))

    cells["top"] = {
        token: alternatives(ids[i * each : (i + 1) * each], logprobs[i * each : (i + 1) * each])
        for i, token in enumerate(index)
    }
    top = cells.pop("failure_top_ids"), cells.pop("failure_top_logprobs")
    cells["failure_top"] = None if top[0] is None else alternatives(*top)
    if cells["token_ends"] is None:
        characters = len(cells["text"])
        cells["token_ends"] = [min(i + 1, characters) for i in range(len(cells["token_ids"]))]
    for name, kind in ARRAYS.items():
        if cells[name] is not None:
            cells[name] = np.array(cells[name], kind)
    return SegmentRow(**cells)


def vector_rows(name: str) -> Iterator[list[SegmentRow]]:
    for batch in VECTORS["runs"][name]["batches"]:
        yield [row_of(row) for row in batch["rows"]]


def test_the_schema_is_typescripts() -> None:
    columns = [
        {"name": field.name, "type": NAMES[field.type], "nullable": field.nullable}
        for field in SCHEMA
    ]
    assert columns == VECTORS["columns"]


@pytest.mark.parametrize("name", ["plain", "resumed"])
def test_what_python_writes_is_what_typescript_wrote(name: str) -> None:
    with pa.ipc.open_stream(str(RUNS / name / "rollouts.arrows")) as reader:
        theirs = list(reader)
    for rows, batch in zip(vector_rows(name), theirs, strict=True):
        message = encode_batch(rows)
        assert len(message) % 8 == 0
        ours = pa.ipc.read_record_batch(pa.ipc.read_message(message), SCHEMA)
        assert ours.equals(batch)


def test_the_extension_reads_it_value_for_value(tmp_path: Path, extension: Extension) -> None:
    directory = tmp_path / "run"
    writer = RunWriter.create(directory, manifest(), b"use_token_adaptive: true\n")
    recorder = Recorder(writer, pytest.fail)
    rows = [row for batch in vector_rows("plain") for row in batch]
    recorder.say("run_started", resumed_from_step=None, superseded=None)
    for step, batch in enumerate(vector_rows("plain")):
        recorder.rollouts(step, batch)
    recorder.say("step", step=1, metrics={"reward": 0.5, "kl": float("nan")})
    recorder.say("warning", code="odd", message="Ein Süßes \u2028 \ud800.")
    recorder.say("run_finished", reason="max_steps")
    recorder.manifest(state="finished")
    recorder.close()

    found = extension.read(directory)
    assert found["problems"] == []
    assert found["manifest"]["state"] == "finished"
    assert [(step["step"], step["metrics"]) for step in found["steps"]] == [(1, {"reward": 0.5})]
    assert [event["type"] for event in found["events"]] == [
        "run_started",
        "warning",
        "run_finished",
    ]
    theirs = {segment["segment_id"]: segment for segment in found["segments"]}
    assert len(theirs) == len(rows)
    for row in rows:
        segment = theirs[row.segment_id]
        tokens = segment["tokens"]
        for field in ("step", "prompt_id", "prompt", "parent_id", "fork_at", "attempt", "kind"):
            assert segment[field] == getattr(row, field)
        for field in ("status", "trigger", "failure_point", "trained"):
            assert segment[field] == getattr(row, field)
        for field in ("reward", "value", "temperature", "failure_max_prob", "failure_entropy"):
            ours = getattr(row, field)
            assert segment[field] == (None if ours is None else np.float32(ours).item())
        assert tokens["text"] == row.text
        for field in ARRAYS:
            ours = getattr(row, field)
            halves = field in ("entropy", "max_prob", "advantage")
            if ours is None:
                assert tokens[field] is None
            else:
                kept = ours.astype(np.float16) if halves else ours
                assert tokens[field] == kept.astype(np.float64).tolist()
        assert {int(token) for token in tokens["top"]} == set(row.top)


@pytest.mark.parametrize("cut", [1, 9, 200, 2500])
def test_a_torn_end_is_cut_off_and_the_run_goes_on(
    tmp_path: Path, extension: Extension, cut: int
) -> None:
    directory = tmp_path / "run"
    batches = list(vector_rows("plain"))
    writer = RunWriter.create(directory, manifest(pid=2**22 + 1), b"")
    writer.event({"type": "run_started", "resumed_from_step": None, "superseded": None})
    writer.rollouts(batches[0])
    whole = writer.rollouts_size
    writer.close()
    with (directory / "rollouts.arrows").open("ab") as file:
        file.write(encode_batch(batches[1])[:cut])
    with (directory / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":1,"ti')

    again = RunWriter.resume(directory)
    assert again.rollouts_size == whole
    assert again.next_segment_id == max(row.segment_id for row in batches[0]) + 1
    again.rollouts(batches[1])
    again.event({"type": "run_finished", "reason": "max_steps"})
    again.close()
    assert not list(directory.glob("*.damaged-*")), "a torn end is no damage"
    found = extension.read(directory)
    assert found["problems"] == []
    assert len(found["segments"]) == len(batches[0]) + len(batches[1])
    assert [event["seq"] for event in found["events"]] == [0, 1]


def test_the_fixtures_ends_are_found() -> None:
    for name in ("plain", "resumed"):
        path = RUNS / name / "rollouts.arrows"
        ids = [row.segment_id for batch in vector_rows(name) for row in batch]
        assert scan_rollouts(path) == (path.stat().st_size, max(ids) + 1, False)
    last = VECTORS["runs"]["torn"]["batches"][-1]["to"]
    assert scan_rollouts(RUNS / "torn" / "rollouts.arrows")[::2] == (last, False)
    damaged = VECTORS["runs"]["damaged"]["batches"][-1]["to"]
    assert scan_rollouts(RUNS / "damaged" / "rollouts.arrows")[::2] == (damaged, True)
    lines = (RUNS / "plain" / "events.jsonl").read_bytes()
    assert scan_events(RUNS / "plain" / "events.jsonl") == (len(lines), lines.count(b"\n"))


def test_damage_is_kept_beside_the_file(tmp_path: Path) -> None:
    RunWriter.create(tmp_path, manifest(pid=2**22 + 1), b"").close()
    with (tmp_path / "rollouts.arrows").open("ab") as file:
        file.write(b"this is no Arrow message")
    RunWriter.resume(tmp_path).close()
    assert len(list(tmp_path.glob("rollouts.arrows.damaged-*"))) == 1


def test_two_writers_are_refused(tmp_path: Path) -> None:
    RunWriter.create(tmp_path, manifest(pid=os.getppid()), b"").close()
    with pytest.raises(PlainError, match="still being trained by process"):
        RunWriter.resume(tmp_path)
    with pytest.raises(DiskError, match="is there already"):
        RunWriter.create(tmp_path, manifest(), b"")


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlainError, match=r"has no run\.json"):
        RunWriter.resume(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(PlainError, match="can't be read"):
        RunWriter.resume(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps(manifest(schema_version=2)))
    with pytest.raises(PlainError, match="has version 2"):
        RunWriter.resume(tmp_path)


def test_rows_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    cells = next(iter(VECTORS["runs"]["plain"]["batches"]))["rows"][0]
    with pytest.raises(ValueError, match="logprob has 1 values for"):
        encode_batch([row_of({**cells, "logprob": [0.0]})])
    with pytest.raises(ValueError, match="comes after it"):
        encode_batch([row_of({**cells, "parent_id": cells["segment_id"]})])
    writer = RunWriter.create(tmp_path, manifest(), b"")
    writer.rollouts([row_of(cells)])
    with pytest.raises(ValueError, match="there already"):
        writer.rollouts([row_of(cells)])
    writer.close()


def test_a_full_disk_costs_rollouts_and_no_training(tmp_path: Path) -> None:
    """The size of files is limited, which a write meets as it meets a full disk."""
    said: list[str] = []
    recorder = Recorder(RunWriter.create(tmp_path, manifest(), b""), said.append)
    batches = list(vector_rows("plain"))
    recorder.rollouts(1, batches[0])
    before = (tmp_path / "rollouts.arrows").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
        recorder.rollouts(2, batches[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "rollouts.arrows").read_bytes() == before, "no half batch is left"
    recorder.say("step", step=2, metrics={})
    recorder.close()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events] == ["warning", "step"]
    assert events[0]["code"] == "rollouts_lost"
    count = len(batches[1])
    assert f"The {count} segments of step 2 are not recorded" in events[0]["message"]
