"""Everything that comes from outside while a run goes on, held back until a safe point.

The twin of `src/engine/control.ts`: commands take effect between two optimizer steps, each is
answered, and the last ones with a refusal.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["applied", "refused"]


@dataclass(frozen=True)
class Answer:
    """What became of a command, in a plain sentence."""

    outcome: Outcome
    message: str
    changes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Action:
    """What the trainer is to do now."""

    kind: Literal["go", "stop", "wait", "checkpoint", "set", "job"]
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Waiting:
    command: str
    args: Mapping[str, Any]
    id: str
    answered: Future[Answer]
    job: Callable[[], Any] | None = None
    result: Future[Any] | None = None


Say = Callable[..., None]


class Control:
    """Commands of all clients. May be called from any thread; `next_action` from the trainer's.

    Args:
        say: appends an event to the log
        state: says that the run is `running` or `paused`
    """

    def __init__(self, say: Say, state: Callable[[str], None]) -> None:
        self._say = say
        self._state = state
        self._news = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._mode: Literal["running", "paused", "stepping", "stopping", "ended"] = "running"
        self._left = 0
        self._said_paused = False
        self._current: _Waiting | None = None

    def submit(self, id_: str, command: str, args: Mapping[str, Any]) -> Future[Answer]:
        """Takes effect at the next safe point; at once while the run is paused."""
        waiting = _Waiting(command, args, id_, Future())
        self._enqueue(waiting)
        return waiting.answered

    def at_safe_point(self, job: Callable[[], Any]) -> Future[Any]:
        """Runs `job` on the trainer's thread, when nobody else uses the model."""
        waiting = _Waiting("", {}, "", Future(), job, Future())
        self._enqueue(waiting)
        assert waiting.result is not None
        return waiting.result

    def interrupt(self) -> None:
        """Like `stop`, for a signal: the step goes on to its end, then the run ends cleanly."""
        # No lock: a signal may come while this very thread holds it.
        if self._mode != "ended":
            self._mode = "stopping"

    @property
    def stop_wanted(self) -> bool:
        """Whether the run is about to end."""
        return self._mode in ("stopping", "ended")

    def next_action(self, patience: float) -> Action:
        """What to do at this safe point; `wait` after `patience` seconds of nothing to do."""
        while True:
            waiting = self._take()
            if waiting is not None:
                action = self._begin(waiting)
                if action is not None:
                    return action
                continue
            if self._mode in ("stopping", "ended"):
                return Action("stop")
            if self._mode == "running":
                return Action("go")
            if self._mode == "stepping":
                if self._left > 0:
                    self._left -= 1
                    return Action("go")
                self._mode, self._said_paused = "paused", False
            if not self._said_paused:
                self._said_paused = True
                self._state("paused")
                self._say("run_paused")
            with self._news:
                if not self._queue and self._mode == "paused":
                    self._news.wait(min(patience, 0.5))
            if not self._queue and self._mode == "paused":
                return Action("wait")

    def done(self, answer: Answer) -> None:
        """The trainer has carried out a `checkpoint` or a `set`."""
        assert self._current is not None, "nothing was asked for"
        waiting, self._current = self._current, None
        self._answer(waiting, answer)

    def run_job(self) -> None:
        """The trainer has come to a job."""
        assert self._current is not None, "nothing was asked for"
        waiting, self._current = self._current, None
        assert waiting.job is not None
        assert waiting.result is not None
        if not waiting.result.set_running_or_notify_cancel():
            return  # whoever asked has gone
        try:
            waiting.result.set_result(waiting.job())
        except Exception as error:  # it belongs to who asked
            waiting.result.set_exception(error)

    def after_training(self) -> None:
        """No step follows: jobs are done and `stop` is taken up, all else has come too late."""
        while (waiting := self._take()) is not None:
            if waiting.job is not None:
                self._current = waiting
                self.run_job()
            elif waiting.command == "stop":
                self._mode = "stopping"
                self._answer(waiting, Answer("applied", "The rest of the benchmarks is left out."))
            else:
                message = "Training is done; only the benchmarks are still being tried."
                self._answer(waiting, Answer("refused", message))

    def close(self) -> None:
        """The run is over: what still waits is refused, and so is all that comes."""
        with self._news:
            self._mode = "ended"
            queue, self._queue = self._queue, deque()
        for waiting in queue:
            self._refuse(waiting)

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._news:
            ended = self._mode == "ended"
            if not ended:
                self._queue.append(waiting)
                self._news.notify_all()
        if ended:
            self._refuse(waiting)

    def _refuse(self, waiting: _Waiting) -> None:
        if waiting.result is not None:
            if waiting.result.set_running_or_notify_cancel():
                waiting.result.set_exception(RunEndedError("The run has ended."))
        else:
            waiting.answered.set_result(Answer("refused", "The run has ended."))

    def _take(self) -> _Waiting | None:
        with self._news:
            return self._queue.popleft() if self._queue else None

    def _begin(self, waiting: _Waiting) -> Action | None:
        """Carries a command out, or hands it on to the trainer."""
        if waiting.job is not None:
            self._current = waiting
            return Action("job")
        if waiting.command in ("checkpoint", "set"):
            self._current = waiting
            return Action(waiting.command, waiting.args)  # type: ignore[arg-type]
        self._answer(waiting, self._steer(waiting.command, waiting.args))
        return None

    def _answer(self, waiting: _Waiting, answer: Answer) -> None:
        changes = {} if answer.changes is None else {"changes": answer.changes}
        self._say(
            "command",
            id=waiting.id,
            command=waiting.command,
            outcome=answer.outcome,
            message=answer.message,
            **changes,
        )
        waiting.answered.set_result(answer)

    def _steer(self, command: str, args: Mapping[str, Any]) -> Answer:
        if command == "stop":
            self._mode = "stopping"
            return Answer("applied", "The run ends here.")
        if self._mode == "stopping":
            return Answer("refused", "The run is about to end.")
        if command == "pause":
            if self._mode == "paused":
                return Answer("refused", "The run is paused already.")
            self._mode, self._said_paused = "paused", False
            return Answer("applied", "The run is paused.")
        if command == "resume":
            if self._mode == "running":
                return Answer("refused", "The run is not paused.")
            self._go_on("running")
            return Answer("applied", "The run goes on.")
        count = args.get("count", 1)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            return Answer("refused", "`count` must be a whole number of at least 1.")
        self._go_on("stepping")
        self._left = count
        steps = "one step" if count == 1 else f"{count} steps"
        return Answer("applied", f"The run makes {steps}, then pauses.")

    def _go_on(self, mode: Literal["running", "stepping"]) -> None:
        paused = self._mode == "paused" and self._said_paused
        self._mode = mode
        if paused:
            self._state("running")
            self._say("run_resumed")


class RunEndedError(Exception):
    """What is asked of a run that has ended."""
