"""A vLLM server, asked for a few tokens of each row at a time.

A server can't be stopped in the middle of a completion, so a row is generated in chunks: what was
sampled behind the place where it is cut is dropped. The server keeps the cache of what it has read
(block by block), so a chunk doesn't read the row again. Each row is a request of its own: its
temperature and its seed are its own, and TRL's way of asking for several completions of one prompt
would give rows with one seed the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter

from ...errors import PlainError
from ..draws import stream_of
from .engine import TOP, News, Order, Sampled

_REQUESTS = 64
"""At once; as many as TRL's own client sends."""


class _Connections(HTTPAdapter):
    """Keeps as many connections as there are requests at once; of itself it keeps 10."""


def keep_connections(session: Session) -> None:
    """Lets a session keep the connections of all requests; its ways to try again stay."""
    for scheme in ("http://", "https://"):
        known = session.get_adapter(scheme)
        if isinstance(known, HTTPAdapter) and not isinstance(known, _Connections):
            retries = known.max_retries
            session.mount(scheme, _Connections(pool_maxsize=_REQUESTS, max_retries=retries))


@dataclass
class _Flight:
    order: Order
    path: list[int]
    sampled: int = 0
    chunk: int = field(default=0)


class Served:
    """Rows on a server.

    Args:
        client: TRL's `VLLMClient`; its weights are in step with the policy
        end_tokens: a row ends with the first of these
        vocabulary: tokens to choose from
        chunk: tokens to ask for before looking at them
    """

    in_flight = 0

    def __init__(
        self, client: Any, end_tokens: frozenset[int], vocabulary: int, chunk: int
    ) -> None:
        self._client = client
        keep_connections(client.session)
        self._end_tokens = end_tokens
        self._top = min(TOP, vocabulary)
        self._chunk = chunk
        self._flying: dict[int, _Flight] = {}

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self._flying.clear()

    def begin(self, orders: Sequence[Order]) -> None:
        """Starts rows; those in flight go on."""
        for order in orders:
            self._flying[order.key] = _Flight(order, list(order.path))

    def advance(self) -> list[News]:
        """A chunk of every row.

        Raises:
            PlainError: the server doesn't answer, or not with completions
        """
        flights = list(self._flying.values())
        with ThreadPoolExecutor(min(_REQUESTS, len(flights))) as pool:
            return list(pool.map(self._chunk_of, flights))

    def stop(self, keys: Sequence[int]) -> None:
        """Gives rows up that haven't ended."""
        for key in keys:
            del self._flying[key]

    def _chunk_of(self, flight: _Flight) -> News:
        order = flight.order
        wanted = order.most - flight.sampled
        if order.unwatched is not None:
            free = max(0, order.unwatched - flight.sampled)
            wanted = min(wanted, free + self._chunk)
        answer = self._asked(flight, wanted)
        tokens = [
            Sampled(token, ids, [float("nan") if one is None else one for one in logprobs])
            for token, ids, logprobs in zip(
                answer["completion_ids"][0],
                answer["logprob_token_ids"][0],
                answer["logprobs"][0],
                strict=True,
            )
        ]
        flight.path += [one.token for one in tokens]
        flight.sampled += len(tokens)
        flight.chunk += 1
        # Fewer than it was asked for: an end token, or the model takes no more.
        ended = len(tokens) < wanted or flight.sampled >= order.most
        ended = ended or (bool(tokens) and tokens[-1].token in self._end_tokens)
        if ended:
            del self._flying[order.key]
        return News(order.key, tokens, ended, None)

    def _asked(self, flight: _Flight, wanted: int) -> Any:
        seed = stream_of(flight.order.seed, flight.chunk) >> 1
        try:
            return self._client.generate(
                [flight.path],
                n=1,
                temperature=flight.order.temperature,
                max_tokens=wanted,
                logprobs=self._top,
                generation_kwargs={
                    "seed": seed,
                    "stop_token_ids": sorted(self._end_tokens),
                    "ignore_eos": True,
                },
            )
        except Exception as error:
            raise PlainError(
                f"The vLLM server at {self._client.base_url} did not generate: {error}",
                "Look at its log; start it with the same model, and long enough for a prompt and "
                "`max_completion_length` (`--max-model-len`).",
            ) from error
