"""Sampling: a plan of segments on a model."""

from .round import Ended, Plan, RoundSettings, Score
from .sampler import Sampler
from .segments import Costs, GeneratedSegment, Paths, costs_of
from .texts import TokenTexts

__all__ = [
    "Costs",
    "Ended",
    "GeneratedSegment",
    "Paths",
    "Plan",
    "RoundSettings",
    "Sampler",
    "Score",
    "TokenTexts",
    "costs_of",
]
