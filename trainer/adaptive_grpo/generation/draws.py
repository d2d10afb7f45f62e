"""Random numbers that depend on what they are drawn for, and on nothing else.

A draw is a function of (seed, step, prompt, segment, position): whichever rows happen to be
generated together, on however many processes, a segment samples the same tokens from the same
distributions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def stream_of(*names: int) -> int:
    """The key of a stream of draws, named by whole numbers of at least 0."""
    key = np.zeros(1, np.uint64)
    for name in names:
        key = _mix((key + np.uint64(name) + np.uint64(1)) * _GOLDEN)
    return int(key[0])


def uniform(streams: NDArray[np.uint64], positions: NDArray[np.uint64]) -> NDArray[np.float64]:
    """One number in [0, 1) for each pair of a stream and a position in it."""
    bits = _mix(streams + (positions + np.uint64(1)) * _GOLDEN)
    return (bits >> np.uint64(11)).astype(np.float64) / 2.0**53


def uniform_stream(stream: int) -> Callable[[], float]:
    """Numbers in [0, 1), one after another."""
    position = 0

    def following() -> float:
        nonlocal position
        position += 1
        return float(uniform(np.array([stream], np.uint64), np.array([position], np.uint64))[0])

    return following
