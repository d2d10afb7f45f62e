"""What the sampler asks of a vLLM, whether it runs in this process or as a server."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

TOP = 20
"""Alternatives asked for with each token: as many as vLLM gives unless it is told otherwise."""

COOLEST, HOTTEST = 0.01, 2
"""vLLM samples no cooler than this, short of greedily, and no hotter."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A row to generate."""

    key: int
    path: Sequence[int]
    """Prompt and completion so far."""
    temperature: float
    seed: int
    most: int
    """Tokens at most."""
    unwatched: int | None
    """So many tokens won't be cut before, whatever they are; None: none will."""


class Sampled(NamedTuple):
    """A token, with log probabilities at the temperature it was sampled at."""

    token: int
    ids: Sequence[int]
    """The `TOP` best and the token itself, in any order."""
    logprobs: Sequence[float]
    """A value for each of `ids`."""


class News(NamedTuple):
    """What came of a row since it was last heard of."""

    key: int
    tokens: Sequence[Sampled]
    ended: bool
    """vLLM goes no further: an end token, or no room."""
    reread: int | None
    """With a row's first news: tokens of its path that vLLM read, because its cache of what it
    read before is in whole blocks, and at least the last. None where vLLM doesn't tell."""


class Engine(AbstractContextManager["Engine"], Protocol):
    """Rows in flight. As a context it is awake, and leaves nothing in flight behind."""

    in_flight: int
    """Tokens that are sampled of a row that is stopped and that nobody hears of."""

    def begin(self, orders: Sequence[Order]) -> None:
        """Starts rows; those in flight go on."""

    def advance(self) -> Sequence[News]:
        """Generates some tokens of all rows in flight."""

    def stop(self, keys: Sequence[int]) -> None:
        """Gives rows up that haven't ended."""
