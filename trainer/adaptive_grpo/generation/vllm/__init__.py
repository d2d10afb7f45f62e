"""Sampling on vLLM, in this process or on a server."""

from .colocated import Colocated
from .engine import HOTTEST, TOP, Engine, News, Order, Sampled
from .sampler import VllmSampler
from .server import Served

__all__ = [
    "HOTTEST",
    "TOP",
    "Colocated",
    "Engine",
    "News",
    "Order",
    "Sampled",
    "Served",
    "VllmSampler",
]
