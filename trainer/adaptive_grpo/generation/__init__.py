"""Sampling: a plan of segments on a model."""

from .sampler import RoundSettings, Sampler
from .segments import Costs, GeneratedSegment, Paths, costs_of
from .texts import TokenTexts

__all__ = [
    "Costs",
    "GeneratedSegment",
    "Paths",
    "RoundSettings",
    "Sampler",
    "TokenTexts",
    "costs_of",
]
