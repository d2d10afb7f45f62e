"""Token-adaptive GRPO on TRL, recorded rollout by rollout."""

from typing import Any

__version__ = "0.1.0"

__all__ = ["AdaptiveGRPOConfig", "RolloutStreamCallback", "TokenAdaptiveGRPOTrainer", "__version__"]


def __getattr__(name: str) -> Any:
    """PyTorch and TRL, which take seconds to load, are loaded when they are asked for."""
    if name in __all__:
        from .compat import check_trl

        # Before anything is imported that another TRL may not have.
        check_trl()
    if name == "RolloutStreamCallback":
        from .watching import RolloutStreamCallback

        return RolloutStreamCallback
    if name in ("AdaptiveGRPOConfig", "TokenAdaptiveGRPOTrainer"):
        from . import training

        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
