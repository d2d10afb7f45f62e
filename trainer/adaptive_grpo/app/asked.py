"""What a completion request asks for: checked once, before it waits for the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..run.server import HttpError

MAX_TOKENS = 1 << 16
"""Tokens that one request may bring and ask for."""
_MAX_STOPS = 4
_FIXED: Mapping[str, Any] = {
    "stream": False,
    "echo": False,
    "suffix": "",
    "best_of": 1,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
}
"""What would change the answer and isn't there is refused rather than ignored."""


@dataclass(frozen=True)
class Limits:
    """Of the model."""

    positions: int
    """Prompt and completion together."""
    vocabulary: int

    def check_ids(self, ids: Sequence[int]) -> None:
        """Raises an `HttpError` (400) that names a token the model doesn't have."""
        foreign = next((one for one in ids if one >= self.vocabulary), None)
        if foreign is not None:
            raise HttpError(400, f"There is no token {foreign}.")


@dataclass(frozen=True)
class Asked:
    """A request that can be answered."""

    prompts: Sequence[Sequence[int]]
    """Token ids."""
    count: int
    """Completions of each prompt."""
    longest: int
    """Tokens of a completion at most."""
    temperature: float
    seed: int | None
    logprobs: int | None
    """Alternatives to tell of each token; None without log probabilities."""
    stops: Sequence[str]
    """A completion ends before the first of these."""
    token_ids: bool
    tokens_as_ids: bool
    uncertainty: bool


def read_request(
    body: Any, name: str, limits: Limits, encode: Callable[[str], Sequence[int]]
) -> Asked:
    """What a body asks for.

    Args:
        body: as it came
        name: of the model
        limits: of the model
        encode: a text as tokens

    Raises:
        HttpError: 400 that names what is wrong, 404 for another model
    """
    if not isinstance(body, dict):
        raise HttpError(400, "The body: an object is needed.")
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        raise HttpError(400, "`model`: a text is needed.")
    if model not in (None, name):
        raise HttpError(404, f'There is no model "{model}" here, only {name}.')
    for key, only in _FIXED.items():
        value = body.get(key)
        if value is not None and (value != only or isinstance(value, bool) != (only is False)):
            raise HttpError(400, f"`{key}`: {value!r} is not supported.")
    prompts = _prompts(body.get("prompt"), limits, encode)
    count = _whole(body, "n", 1, 128) or 1
    room = limits.positions - max(map(len, prompts))
    longest = min(_whole(body, "max_tokens", 1) or 16, room)
    if sum(map(len, prompts)) + count * len(prompts) * longest > MAX_TOKENS:
        raise HttpError(400, f"That is more than {MAX_TOKENS} tokens at once.")
    return Asked(
        prompts=prompts,
        count=count,
        longest=longest,
        temperature=_temperature(body.get("temperature")),
        seed=_whole(body, "seed", 0, 2**32 - 1),
        logprobs=_whole(body, "logprobs", 0, 50),
        stops=_stops(body.get("stop")),
        token_ids=_flag(body, "return_token_ids"),
        tokens_as_ids=_flag(body, "return_tokens_as_token_ids"),
        uncertainty=_flag(body, "return_uncertainty"),
    )


def is_ids(value: Any, least: int = 1) -> bool:
    """Whether it is a list of token ids."""
    return (
        isinstance(value, list)
        and len(value) >= least
        and all(type(one) is int and one >= 0 for one in value)
    )


def _prompts(
    prompt: Any, limits: Limits, encode: Callable[[str], Sequence[int]]
) -> list[list[int]]:
    given = [prompt] if isinstance(prompt, str) or is_ids(prompt) else prompt
    if not isinstance(given, list) or not given or len({type(one) for one in given}) > 1:
        raise HttpError(400, "`prompt`: a text or token ids are needed, or a list of them.")
    found: list[list[int]] = []
    for one in given:
        if not isinstance(one, str) and not is_ids(one):
            raise HttpError(400, "`prompt`: a text or token ids are needed, or a list of them.")
        ids = list(encode(one) if isinstance(one, str) else one)
        if not ids:
            raise HttpError(400, "A prompt is empty.")
        if len(ids) >= limits.positions:
            raise HttpError(
                400,
                f"A prompt has {len(ids)} tokens; "
                f"the model takes {limits.positions} with the completion.",
            )
        limits.check_ids(ids)
        found.append(ids)
    return found


def _whole(body: Mapping[str, Any], key: str, low: int, high: int | None = None) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if type(value) is not int or value < low or (high is not None and value > high):
        up = "at least" if high is None else "from"
        most = "" if high is None else f" to {high}"
        raise HttpError(400, f"`{key}`: a whole number {up} {low}{most} is needed.")
    return value


def _temperature(value: Any) -> float:
    if value is None:
        return 1.0
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 100:
        raise HttpError(400, "`temperature`: a number from 0 to 100 is needed.")
    return float(value)


def _stops(value: Any) -> list[str]:
    stops = [] if value is None else [value] if isinstance(value, str) else value
    texts = isinstance(stops, list) and all(isinstance(one, str) and one for one in stops)
    if not texts or len(stops) > _MAX_STOPS:
        raise HttpError(400, f"`stop`: a text or a list of at most {_MAX_STOPS} texts is needed.")
    return list(stops)


def _flag(body: Mapping[str, Any], key: str) -> bool:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise HttpError(400, f"`{key}`: true or false is needed.")
    return value is True
