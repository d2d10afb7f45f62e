"""What may change while a run goes on, between two optimizer steps."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import RecipeError

if TYPE_CHECKING:
    from .trainer import TokenAdaptiveGRPOTrainer

CHANGEABLE = (
    "use_token_adaptive",
    "uncertainty_threshold",
    "entropy_threshold",
    "min_prefix_length",
    "max_resamples_per_prefix",
    "adaptive_temperature_scale",
    "learning_rate",
)
"""As `src/recipe/live.ts` has it for this engine. The built-in engine can change `temperature` too;
TRL (from 1.16 on) builds it into the model's forward pass."""


def change(trainer: TokenAdaptiveGRPOTrainer, values: Mapping[str, Any]) -> dict[str, Any]:
    """Changes keys of the recipe; all of them or none.

    Returns:
        Old and new value by key

    Raises:
        RecipeError: a key can't be changed, or not to that value
    """
    if not values:
        raise RecipeError("`set` needs the keys to change and their values.", "Name some.")
    fixed = ", ".join(f"`{name}`" for name in values if name not in CHANGEABLE)
    if fixed:
        raise RecipeError(
            f"{fixed} cannot be changed while a run goes on; what can: {', '.join(CHANGEABLE)}.",
            "Start another run.",
        )
    proposal = copy.copy(trainer.args)
    changes: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(proposal, name)
        new = _converted(name, old, value)
        setattr(proposal, name, new)
        changes[name] = {"old": old, "new": new}
    proposal.check()
    for name, one in changes.items():
        setattr(trainer.args, name, one["new"])
        if name == "learning_rate":
            _set_learning_rate(trainer, one["old"], one["new"])
    return changes


def _converted(name: str, old: Any, value: Any) -> Any:
    problem = RecipeError(f"`{name}` can't be {value!r}.", "Give it another value.")
    if isinstance(old, bool) or isinstance(value, bool):
        if isinstance(old, bool) and isinstance(value, bool):
            return value
        raise problem
    if not isinstance(value, int | float):
        raise problem
    if isinstance(old, int) and value != int(value):
        raise problem
    if name == "learning_rate" and not 0 < value <= 1:
        raise problem
    return int(value) if isinstance(old, int) else float(value)


def _set_learning_rate(trainer: TokenAdaptiveGRPOTrainer, old: float, new: float) -> None:
    """The schedule goes on as it would have, from another peak."""
    ratio = new / old
    for group in trainer.optimizer.param_groups:
        group["lr"] *= ratio
        if "initial_lr" in group:
            group["initial_lr"] *= ratio
    scheduler = trainer.lr_scheduler
    if hasattr(scheduler, "base_lrs"):
        scheduler.base_lrs = [one * ratio for one in scheduler.base_lrs]
    if hasattr(scheduler, "_last_lr"):
        scheduler._last_lr = [one * ratio for one in scheduler._last_lr]
