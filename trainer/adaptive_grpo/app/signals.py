"""Signals that ask a run to end: the step goes on to its end, then a checkpoint, then all end."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import Any

_SAME_SIGNAL = 1.5
"""Seconds."""
_STEP = b"Ending after this step, with a checkpoint. Once more to end at once.\n"
_QUESTIONS = b"Leaving the benchmarks after these questions. Once more to end at once.\n"


class Signals:
    """What a process was told by the system; one on every process.

    Processes tell each other at the next safe point, so it is enough that one of them gets it.

    Args:
        speaks: whether this process says what it does
    """

    def __init__(self, *, speaks: bool) -> None:
        self.end_wanted = False
        """Whether the run is to end after this step."""
        self._said = _STEP
        self._speaks = speaks
        self._first: float | None = None
        if hasattr(signal, "SIGUSR1"):
            # A batch system's: it means this run only, while launchers act on the others at once.
            signal.signal(signal.SIGUSR1, self._noted)

    def listen(self) -> None:
        """From here on there is something to lose: the step goes on to its end."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)

    def after_training(self) -> None:
        """All is saved; what can be left from here on are the benchmarks."""
        self._said = _QUESTIONS

    def _noted(self, _number: int, _frame: Any) -> None:
        self.end_wanted = True

    def _end(self, _number: int, _frame: Any) -> None:
        """Whoever can't wait asks twice."""
        now = time.monotonic()
        if self._first is not None:
            # A second one soon after is the same one, sent to the whole process group.
            if now - self._first > _SAME_SIGNAL:
                os._exit(130)
            return
        self._first = now
        self.end_wanted = True
        if self._speaks:
            # Not `print`: the signal may have come in the middle of one.
            with suppress(OSError):
                os.write(1, self._said)
