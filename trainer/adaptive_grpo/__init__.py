"""Token-adaptive GRPO on TRL, recorded rollout by rollout."""

__version__ = "0.1.0"
