"""What happens between two optimizer steps, on all processes alike."""

from __future__ import annotations

import time
from typing import Any

from accelerate.utils import broadcast_object_list

from ..errors import PlainError
from ..training import TokenAdaptiveGRPOTrainer
from ..training.live import change
from ..training.saving import CheckpointError
from ..training.sharing import any_process
from .control import Action, Answer, Control
from .signals import Signals

_PATIENCE = 5.0
"""Seconds after which paused processes hear of each other, so that none gives the others up."""


class SafePoints:
    """Does what has come in and waits while paused.

    Args:
        signals: of this process
        control: on the main process; None on all others
        changed: is told the new values after a `set`
    """

    def __init__(
        self,
        signals: Signals,
        control: Control | None,
        changed: Any = lambda _values: None,
    ) -> None:
        self._signals = signals
        self._control = control
        self._changed = changed

    def __call__(self, trainer: TokenAdaptiveGRPOTrainer) -> None:
        """Returns when training is to go on, or when it is told to end."""
        self._spend(trainer)
        while True:
            action = self._shared(trainer)
            if action.kind == "go":
                return
            if action.kind == "stop":
                trainer.control.should_training_stop = True
                return
            if action.kind == "wait":
                time.sleep(0 if self._control is not None else 0.1)
            elif action.kind == "checkpoint":
                self._answer(_checkpoint(trainer))
            elif action.kind == "set":
                self._answer(self._set(trainer, action))
            elif self._control is not None:
                self._control.run_job()

    def _spend(self, trainer: TokenAdaptiveGRPOTrainer) -> None:
        """Ends the run when its budget of tokens is used up."""
        budget = trainer.args.max_generated_tokens
        if budget is not None and trainer.ledger.counters.generated >= budget:
            trainer.control.should_training_stop = True

    def _shared(self, trainer: TokenAdaptiveGRPOTrainer) -> Action:
        """The main process decides, once it knows of everyone's signals."""
        ends = any_process(trainer.accelerator, self._signals.end_wanted)
        actions: list[Any] = [None]
        if self._control is not None:
            if ends:
                self._control.interrupt()
            actions = [self._control.next_action(_PATIENCE)]
        if trainer.accelerator.num_processes > 1:
            broadcast_object_list(actions)
        action: Action = actions[0]
        return action

    def _answer(self, answer: Answer) -> None:
        if self._control is not None:
            self._control.done(answer)

    def _set(self, trainer: TokenAdaptiveGRPOTrainer, action: Action) -> Answer:
        try:
            changes = change(trainer, action.args)
        except PlainError as error:
            return Answer("refused", error.message)
        trainer.ledger.counters.changes.update({name: one["new"] for name, one in changes.items()})
        self._changed(changes)
        said = [
            f"{name}: {_told(one['old'])} → {_told(one['new'])}" for name, one in changes.items()
        ]
        return Answer("applied", f"{', '.join(said)}.", changes)


def _told(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _checkpoint(trainer: TokenAdaptiveGRPOTrainer) -> Answer:
    try:
        trainer.save_now()
    except CheckpointError as error:
        return Answer("refused", error.message)
    path = f"checkpoints/checkpoint-{trainer.state.global_step}"
    return Answer("applied", f"The checkpoint is {path}.")
