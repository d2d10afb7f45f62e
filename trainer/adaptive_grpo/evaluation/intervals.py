"""How sure a figure is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


_Z = 1.959963984540054


def mean_over_problems(rights: Sequence[Sequence[bool]]) -> Figure:
    """avg@k: the mean over problems of each problem's share of right answers.

    Problems are the sample, so the interval is that of a mean of their shares (normal
    approximation, one degree of freedom less), whatever k is. Where every problem is all right or
    all wrong, as with one answer each, or all are alike, it is Wilson's: 0 of 30 is no certain 0.
    """
    shares = [sum(one) / len(one) for one in rights]
    count = len(shares)
    mean = sum(shares) / count
    if set(shares) <= {0.0, 1.0} or len(set(shares)) < 2:
        return wilson(sum(shares), count)
    variance = sum((share - mean) ** 2 for share in shares) / (count - 1)
    half = _Z * math.sqrt(variance / count)
    return Figure(mean, max(0.0, mean - half), min(1.0, mean + half))


def pass_at(k: int, rights: Sequence[Sequence[bool]]) -> Figure:
    """pass@k: the share of problems with a right answer among k, Wilson's interval.

    Where more than k were sampled it is the unbiased estimate `1 − C(n − c, k) / C(n, k)`
    (Chen et al. 2021, arXiv 2107.03374, eq. 1).
    """
    solved = sum(1 - math.comb(len(one) - sum(one), k) / math.comb(len(one), k) for one in rights)
    return wilson(solved, len(rights))


def wilson(successes: float, count: int) -> Figure:
    """Wilson's score interval (1927) of a share."""
    share = successes / count
    square = _Z * _Z / count
    centre = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return Figure(share, max(0.0, centre - half), min(1.0, centre + half))
