"""The policy's distribution at another temperature, from the best of what vLLM tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .engine import TOP, Sampled

Doubles = NDArray[np.float64]

_ROUNDED = 1e-6
"""How far off a sum of probabilities may be: vLLM has them in single precision."""


@dataclass(frozen=True)
class Thoughts:
    """What the policy thought of tokens; each array has a value a token in its first dimension."""

    max_prob: Doubles
    """At temperature 1."""
    max_prob_error: Doubles
    """The true value is at most this far."""
    entropy: Doubles
    """At temperature 1, in nats."""
    entropy_error: Doubles
    """The true value is at most this far."""
    top_ids: NDArray[np.int32]
    """(tokens, k), the most likely first."""
    top_logprobs: Doubles
    """(tokens, k), at temperature 1."""
    logprob: Doubles
    """Of the sampled token, as it was sampled: vLLM's own, exact."""
    train_logprob: Doubles
    """Of the sampled token, at the recipe's temperature."""


def thoughts_of(
    tokens: Sequence[Sampled], sampled_at: Doubles, recipe: float, vocabulary: int
) -> Thoughts:
    """Undoes the temperature.

    vLLM tells `q`, the distribution at temperature τ, of its k best tokens. At temperature T it is
    `p_i = q_i^e / Z` with `e = τ/T` and `Z = Σ q_i^e` over all tokens, of which the `N = V − k`
    others are known by two things: together they have `R = 1 − Σ q_i`, and none is above the k-th
    best, `m`. So what they add to Z lies between `R m^(e−1)` (all as likely as allowed) and
    `N^(1−e) R^e` (all alike; Jensen), whichever is which; at e = 1 it is R itself. Their geometric
    mean is taken. The others' share of the entropy lies between `−r ln min(m^e/Z, r)` and
    `−r ln(r/N)`, with r their share of Z; the middle is taken. Half of the whole interval, which
    the smallest Z at one end and the largest at the other give, is `entropy_error`.

    Where the policy is sure all this is nothing: R is then next to 0. The errors are largest where
    the distribution is flat, far below any threshold of max prob.

    Args:
        tokens: of any rows
        sampled_at: τ of each
        recipe: the recipe's temperature
        vocabulary: V, tokens that vLLM chooses from
    """
    ids, logs, own = _table(tokens)
    k = min(TOP, vocabulary, logs.shape[1])
    best, others = logs[:, :k], vocabulary - k
    floor = best[:, -1]
    rest = 1 - np.exp(best).sum(1)

    def at(wanted: float) -> tuple[Doubles, Doubles, tuple[Doubles, Doubles, Doubles]]:
        """Logs of the known weights, their sum, and that of the others: taken, least, most."""
        power = sampled_at / wanted
        weights = best * power[:, None]

        def ends(mass: Doubles) -> tuple[Doubles, Doubles]:
            mass = np.clip(mass, 0, others * np.exp(floor))
            with np.errstate(divide="ignore"):
                alike = np.exp((1 - power) * np.log(max(1, others)) + power * np.log(mass))
            return alike, mass * np.exp(np.where(mass > 0, floor, 0.0) * (power - 1))

        taken = np.sqrt(np.prod(ends(rest), axis=0))
        least, most = np.min(ends(rest - _ROUNDED), axis=0), np.max(ends(rest + _ROUNDED), axis=0)
        return weights, np.exp(weights).sum(1), (taken, least, most)

    weights, sure, (some, least, most) = at(1.0)
    top, whole = np.exp(weights[:, 0]), sure + some
    low = _entropy(weights, sure, least, floor * sampled_at)
    high = _entropy(weights, sure, most, np.log(np.maximum(most, 1e-300) / max(1, others)))
    _, sure_then, (some_then, _, _) = at(recipe)
    max_prob = top / whole
    return Thoughts(
        max_prob=max_prob,
        max_prob_error=np.maximum(top / (sure + least) - max_prob, max_prob - top / (sure + most)),
        entropy=(low + high) / 2,
        entropy_error=np.maximum(0, (high - low) / 2),
        top_ids=ids[:, :k],
        top_logprobs=weights - np.log(whole)[:, None],
        logprob=own,
        train_logprob=own * sampled_at / recipe - np.log(sure_then + some_then),
    )


def _table(tokens: Sequence[Sampled]) -> tuple[NDArray[np.int32], Doubles, Doubles]:
    """Ids and logs, (tokens, alternatives), the best first; and the tokens' own logs."""
    width = max(len(one.ids) for one in tokens)
    ids = np.zeros((len(tokens), width), np.int32)
    logs = np.full((len(tokens), width), -np.inf)
    own = np.zeros(len(tokens))
    for row, one in enumerate(tokens):
        ids[row, : len(one.ids)] = one.ids
        logs[row, : len(one.ids)] = one.logprobs
        own[row] = one.logprobs[list(one.ids).index(one.token)]
    order = np.argsort(-logs, axis=1, kind="stable")
    return np.take_along_axis(ids, order, 1), np.take_along_axis(logs, order, 1), own


def _entropy(weights: Doubles, sure: Doubles, others: Doubles, each: Doubles) -> Doubles:
    """Of the known weights and of others of that sum, none of which is above e^each."""
    scale = np.log(sure + others)
    logs, share = weights - scale[:, None], others / (sure + others)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = -np.nan_to_num(np.exp(logs) * logs, nan=0.0).sum(1)
        unknown = -np.nan_to_num(share * np.minimum(each - scale, np.log(share)), nan=0.0)
    entropy: Doubles = np.maximum(0, known + unknown)
    return entropy
