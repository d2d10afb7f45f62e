"""The run directory as training sees it: whatever happens to the disk, training goes on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from .append import DiskError
from .rows import SegmentRow
from .writer import Event, RunWriter

BACKLOG = 100_000
"""Events kept for a disk that has no room now; they are small, and a full disk may get room."""


class Recorder:
    """Events wait until they can be written; of rollouts, what was lost is counted and said.

    May be called from any thread.

    Args:
        writer: of the run
        log: where to say what can't be said in the run directory
    """

    def __init__(self, writer: RunWriter, log: Callable[[str], None]) -> None:
        self.writer = writer
        self._log = log
        self._backlog: deque[Event] = deque(maxlen=BACKLOG)
        self._lost_segments = 0
        self._lost_steps = 0
        self._complained = False
        self._lock = threading.RLock()

    def say(self, type_: str, **body: Any) -> None:
        """Appends an event; never raises for the disk's sake."""
        with self._lock:
            self._backlog.append({"type": type_, **body})
            self._flush()

    def rollouts(self, step: int, rows: Sequence[SegmentRow]) -> None:
        """Appends a step's rows, or says that they are lost."""
        with self._lock:
            try:
                self.writer.rollouts(rows)
            except DiskError as error:
                self._lost_segments += len(rows)
                self._lost_steps += 1
                message = (
                    f"{error.message} The {len(rows)} segments of step {step} are not recorded "
                    f"({self._lost_segments} of {self._lost_steps} steps so far); "
                    "training goes on."
                )
                self.say("warning", code="rollouts_lost", message=message)

    def manifest(self, **patch: Any) -> None:
        """Rewrites `run.json` with some keys changed, if it can be."""
        with self._lock:
            try:
                self.writer.update_manifest(**patch)
            except DiskError as error:
                self._complain(error)

    def close(self) -> None:
        """Writes what waits and closes the files."""
        with self._lock:
            self._flush()
            try:
                self.writer.close()
            except DiskError as error:
                self._log(f"The run directory could not be closed properly: {error.message}")
            if self._backlog:
                self._log(f"{len(self._backlog)} events could not be written.")

    def _flush(self) -> None:
        while self._backlog:
            try:
                self.writer.event(self._backlog[0])
            except DiskError as error:
                self._complain(error)
                return
            except ValueError:
                # An event that can't be one must not keep the others from being written.
                self._backlog.popleft()
                raise
            self._backlog.popleft()
            self._complained = False

    def _complain(self, error: DiskError) -> None:
        """Once for each time the disk gives up, not once for each event."""
        if not self._complained:
            self._log(f"{error.message} {error.next_step} Training goes on.")
        self._complained = True
