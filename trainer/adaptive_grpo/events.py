"""The trainer's life as events of the run."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from .training.ledger import Ledger
from .training.metrics import TRL_NAMES
from .training.rounds import tells_accuracy


class RunEvents(TrainerCallback):  # type: ignore[misc]
    """Says every step, checkpoint and evaluation.

    Args:
        ledger: of the run; its recorder is told everything
        progress: is told every step's metrics
        saves_last: whether the last step is saved, whatever TRL is told
    """

    def __init__(
        self,
        ledger: Ledger,
        progress: Callable[[int, dict[str, float]], None] = lambda _step, _metrics: None,
        *,
        saves_last: bool = True,
    ) -> None:
        self.ledger = ledger
        self.round: dict[str, float] = {}
        """Metrics of the latest round that TRL doesn't log by itself."""
        self._progress = progress
        self._saves_last = saves_last

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Every step is logged, and the last one saved."""
        control.should_log = True
        if self._saves_last and state.global_step >= state.max_steps:
            control.should_save = True
        return control

    def on_log(
        self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """A step is done."""
        if logs is None or "loss" not in logs:
            return
        metrics = {
            TRL_NAMES.get(name, name): float(value)
            for name, value in logs.items()
            if isinstance(value, int | float) and math.isfinite(value)
        }
        for name in ("step", "epoch"):
            metrics.pop(name, None)
        metrics |= {**self.round, **self.ledger.counters.tokens()}
        self.round = {}
        if self.ledger.recorder is not None:
            self.ledger.recorder.say("step", step=state.global_step, metrics=metrics)
            self._progress(state.global_step, metrics)

    def on_evaluate(
        self,
        _args: Any,
        state: Any,
        _control: Any,
        metrics: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Completions of the held-out prompts were sampled and scored."""
        told = {
            f"eval/{name.removeprefix('eval_')}": float(value)
            for name, value in (metrics or {}).items()
            if isinstance(value, int | float) and math.isfinite(value)
        }
        for name in list(told):
            function = name.removeprefix("eval/rewards/").removesuffix("/mean")
            if name == f"eval/rewards/{function}/mean" and tells_accuracy(function):
                told.setdefault("eval/pass@1", told[name])
        told["tokens/generated"] = self.ledger.counters.generated
        if self.ledger.recorder is not None:
            self.ledger.recorder.say("evaluation", step=state.global_step, metrics=told)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """A checkpoint is written."""
        if self.ledger.recorder is None:
            return
        name = f"checkpoint-{state.global_step}"
        folder, home = Path(args.output_dir).resolve(), self.ledger.recorder.writer.directory
        inside = folder.is_relative_to(home)
        path = (folder.relative_to(home) if inside else folder) / name
        self.ledger.recorder.say("checkpoint", step=state.global_step, path=path.as_posix())
