"""TRL's `GRPOTrainer` over trees of rollouts."""

from .config import AdaptiveGRPOConfig
from .trainer import TokenAdaptiveGRPOTrainer

__all__ = ["AdaptiveGRPOConfig", "TokenAdaptiveGRPOTrainer"]
