"""Writes a run directory: the one process that trains has one of these."""

from __future__ import annotations

import json
import math
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import PlainError
from .alive import process_lives
from .append import AppendFile, DiskError
from .manifest import EVENTS, MANIFEST, RECIPE, ROLLOUTS, Manifest, read_manifest, write_manifest
from .rows import SegmentRow, encode_batch, encode_schema
from .scan import scan_events, scan_rollouts

Event = Mapping[str, Any]
"""As `src/run/model/events.ts` has it, without `seq` and `time`."""


class RunWriter:
    """What fails raises a `DiskError` and leaves no half record behind.

    Use `create` or `resume`. Not to be called from two threads at once.
    """

    def __init__(
        self, directory: Path, manifest: Manifest, events: AppendFile, rollouts: AppendFile
    ) -> None:
        self.directory = directory
        self.manifest: dict[str, Any] = dict(manifest)
        self.next_segment_id = 0
        """The smallest segment id that no row has."""
        self.on_write: Callable[[], None] = lambda: None
        """Called after every record and manifest; a server passes it on."""
        self._events = events
        self._rollouts = rollouts
        self._seq = 0

    @classmethod
    def create(cls, directory: Path, manifest: Manifest, recipe: bytes) -> RunWriter:
        """Makes a run directory, its parents too.

        Args:
            directory: where
            manifest: what the run is
            recipe: the recipe as it was launched, byte for byte

        Raises:
            DiskError: there is a run already, or nothing can be written
        """
        made: list[AppendFile] = []
        try:
            directory.mkdir(parents=True, exist_ok=True)
            made.append(AppendFile(directory / EVENTS, None))
            made.append(AppendFile(directory / ROLLOUTS, None))
            made[1].append(encode_schema())
            (directory / RECIPE).write_bytes(recipe)
            write_manifest(directory, manifest)
        except (OSError, DiskError) as error:
            # Half a run would be in the way of the next attempt.
            for file in made:
                file.close()
                file.path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise DiskError(directory, error) from error
            raise
        return cls(directory, manifest, *made)

    @classmethod
    def resume(cls, directory: Path) -> RunWriter:
        """Goes on with a run whose trainer is gone.

        Cuts off a torn last line and a torn last batch; what is damaged in some other way is
        first copied beside the file.

        Raises:
            PlainError: there is no run, or another process still writes it
        """
        manifest = read_manifest(directory)
        active = manifest["state"] in ("starting", "running", "paused")
        here = manifest["host"] == socket.gethostname()
        if active and here and process_lives(manifest["pid"]):
            raise PlainError(
                f"The run in {directory} is still being trained by process {manifest['pid']}.",
                "Stop it first, or choose another output_dir.",
            )
        for left in directory.glob(f"{MANIFEST}.*.tmp"):
            left.unlink(missing_ok=True)
        events = scan_events(directory / EVENTS)
        rollouts = scan_rollouts(directory / ROLLOUTS)
        if rollouts.damaged:
            path = directory / ROLLOUTS
            shutil.copyfile(path, f"{path}.damaged-{time.time_ns() // 1_000_000}")
        file = AppendFile(directory / ROLLOUTS, rollouts.size)
        if rollouts.size == 0:
            file.append(encode_schema())
        writer = cls(directory, manifest, AppendFile(directory / EVENTS, events.size), file)
        writer._seq = events.seq
        writer.next_segment_id = rollouts.segment_id
        return writer

    @property
    def rollouts_size(self) -> int:
        """Bytes of whole batches: what a checkpoint notes to know what came after it."""
        return self._rollouts.size

    @property
    def schema_size(self) -> int:
        """Bytes before the first batch."""
        return len(encode_schema())

    def event(self, body: Event) -> None:
        """Appends one event; adds `seq` and `time`.

        JSON has no NaN and no infinity: a metric that isn't finite is left out.
        """
        body = dict(body)
        if "metrics" in body:
            metrics = body["metrics"].items()
            body["metrics"] = {name: value for name, value in metrics if math.isfinite(value)}
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"seq": self._seq, "time": now, **body}
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self._events.append(f"{text}\n".encode("utf8", "replace"))
        self._seq += 1
        self.on_write()

    def rollouts(self, rows: Sequence[SegmentRow]) -> None:
        """Appends one batch of segments: a generation round.

        Raises:
            ValueError: a segment's id is below `next_segment_id` or there twice
        """
        ids = {row.segment_id for row in rows}
        if len(ids) < len(rows) or any(one < self.next_segment_id for one in ids):
            raise ValueError("a segment's id is there already")
        self._rollouts.append(encode_batch(rows))
        self.next_segment_id = max(ids, default=self.next_segment_id - 1) + 1
        self.on_write()

    def update_manifest(self, **patch: Any) -> None:
        """Rewrites `run.json` atomically with some keys changed."""
        manifest = {**self.manifest, **patch}
        try:
            write_manifest(self.directory, manifest)
        except OSError as error:
            raise DiskError(self.directory / MANIFEST, error) from error
        self.manifest = manifest
        self.on_write()

    def close(self) -> None:
        """Syncs and closes the files."""
        try:
            self._events.sync()
            self._rollouts.sync()
        finally:
            self._events.close()
            self._rollouts.close()
