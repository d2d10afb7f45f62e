"""What a completion is worth."""

from .registry import REGISTRY, RewardOptions, reward_functions

__all__ = ["REGISTRY", "RewardOptions", "reward_functions"]
