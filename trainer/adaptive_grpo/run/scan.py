"""How much of a run directory's files is whole; the rest is what a killed trainer left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from .frames import frame_end
from .schema import SCHEMA


class EventsEnd(NamedTuple):
    """The end of the last whole line, in bytes, and the next `seq`."""

    size: int
    seq: int


class RolloutsEnd(NamedTuple):
    """The end of the last whole batch, in bytes, and the smallest segment id nobody has."""

    size: int
    segment_id: int
    damaged: bool
    """Whether what follows is something else than a torn batch."""


def scan_events(path: Path) -> EventsEnd:
    """Reads `events.jsonl` up to a torn last line; there need not be a file."""
    if not path.exists():
        return EventsEnd(0, 0)
    data = path.read_bytes()
    size = data.rfind(b"\n") + 1
    seq = 0
    for line in data[:size].splitlines():
        try:
            seq = max(seq, int(json.loads(line)["seq"]) + 1)
        except (ValueError, KeyError, TypeError):
            continue
    return EventsEnd(size, seq)


def scan_rollouts(path: Path) -> RolloutsEnd:
    """Reads `rollouts.arrows` up to a torn last batch; there need not be a file."""
    if not path.exists():
        return RolloutsEnd(0, 0, damaged=False)
    size = segment_id = 0
    schema: pa.Schema | None = None
    with pa.OSFile(str(path)) as file:
        while size < file.size():
            try:
                message = pa.ipc.read_message(file)
                if schema is None:
                    schema = pa.ipc.read_schema(message)
                    if not schema.equals(SCHEMA):
                        return RolloutsEnd(0, 0, damaged=True)
                else:
                    batch = pa.ipc.read_record_batch(message, schema)
                    batch.validate(full=True)
                    largest = pc.max(batch.column("segment_id")).as_py()
                    segment_id = max(segment_id, (-1 if largest is None else largest) + 1)
            except (pa.ArrowInvalid, OSError, EOFError):
                return RolloutsEnd(size, segment_id, damaged=not _is_torn(path, size))
            size = file.tell()
    return RolloutsEnd(size, segment_id, damaged=False)


def _is_torn(path: Path, offset: int) -> bool:
    """Whether what begins at `offset` is the beginning of a message that isn't all there."""
    with path.open("rb") as file:
        try:
            return frame_end(file, offset) is None
        except ValueError:
            return False
