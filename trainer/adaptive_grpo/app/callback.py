"""The trainer's life as events of the run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from ..errors import PlainError
from ..run import Recorder

if TYPE_CHECKING:
    from ..training import TokenAdaptiveGRPOTrainer

STATE = "adaptive_grpo_state.json"
"""Beside a checkpoint: what the run had come to."""

_NAMES = {"step_time": "time/step", "clip_ratio/region_mean": "clip_ratio"}
"""TRL's names that are others in the design."""


class RunEvents(TrainerCallback):  # type: ignore[misc]
    """Says every step, checkpoint and evaluation.

    Args:
        trainer: whose life it is
        recorder: of the run, on the main process; None on all others
        progress: is told every step's metrics
    """

    def __init__(
        self,
        trainer: TokenAdaptiveGRPOTrainer,
        recorder: Recorder | None,
        progress: Callable[[int, dict[str, float]], None] = lambda _step, _metrics: None,
    ) -> None:
        self._trainer = trainer
        self._recorder = recorder
        self._progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Every step is logged, and the last one saved."""
        control.should_log = True
        if state.global_step >= state.max_steps:
            control.should_save = True
        return control

    def on_log(
        self, _args: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """A step is done."""
        if logs is None or "loss" not in logs:
            return
        metrics = {
            _NAMES.get(name, name): float(value)
            for name, value in logs.items()
            if isinstance(value, int | float) and math.isfinite(value)
        }
        for name in ("step", "epoch"):
            metrics.pop(name, None)
        if self._recorder is not None:
            self._recorder.say("step", step=state.global_step, metrics=metrics)
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
        if "eval/rewards/accuracy/mean" in told:
            told["eval/pass@1"] = told["eval/rewards/accuracy/mean"]
        told["tokens/generated"] = self._trainer.ledger.counters.generated
        if self._recorder is not None:
            self._recorder.say("evaluation", step=state.global_step, metrics=told)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """A checkpoint is written; what the run had come to goes beside it."""
        if self._recorder is None:
            return
        name = f"checkpoint-{state.global_step}"
        counters = asdict(self._trainer.ledger.counters)
        known = {"rollouts_bytes": self._recorder.writer.rollouts_size, "counters": counters}
        (Path(args.output_dir) / name / STATE).write_text(json.dumps(known, indent=2), "utf8")
        path = f"{Path(args.output_dir).name}/{name}"
        self._recorder.say("checkpoint", step=state.global_step, path=path)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What a run had come to at a checkpoint.

    Raises:
        PlainError: the folder isn't a checkpoint of this trainer
    """
    try:
        state: dict[str, Any] = json.loads((checkpoint / STATE).read_text("utf8"))
    except (OSError, ValueError) as error:
        message = f"{checkpoint} is not a checkpoint that a run can go on from."
        step = "Name a folder `checkpoints/checkpoint-N` of a run, or start from its model."
        raise PlainError(message, step) from error
    return state
