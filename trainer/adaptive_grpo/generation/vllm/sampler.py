"""Runs a plan on vLLM: all rows in flight at once, each watched as its tokens arrive.

vLLM samples before it tells what the policy thought, so a row that has to be cut has been sampled
too far: those tokens are dropped, and counted (`GeneratedSegment.discarded`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...run.rows import Alternatives
from ...strategy import SegmentRequest, trigger_at
from ..round import Ended, Plan, Round, RoundSettings, Score
from ..row import Cut, Row, segment_of
from ..segments import GeneratedSegment
from .engine import COOLEST, Engine, News, Order
from .thoughts import Thoughts, thoughts_of


class VllmSampler:
    """Generates one round.

    Args:
        engine: a vLLM with the policy's weights
        vocabulary: tokens that it chooses from
        prompts: token ids by tree; none may be empty
        plan: says what to generate
        settings: of the round
        on_end: called with every segment when it ends, parents before children
        score_roots: rewards of all roots when the last has ended, for a plan whose forks depend on
            them; None where they don't
    """

    def __init__(
        self,
        engine: Engine,
        vocabulary: int,
        prompts: Sequence[Sequence[int]],
        plan: Plan,
        settings: RoundSettings,
        on_end: Ended,
        score_roots: Score | None = None,
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._round = Round(prompts, plan, settings, on_end, score_roots)
        self._settings = settings
        self._rows: dict[int, Row] = {}
        """By segment: those in flight."""
        self._reread: dict[int, int] = {}
        self._paths: dict[int, list[int]] = {}
        """By segment: prompt and completion of those that have ended."""

    def run(self) -> None:
        """Generates until the plan is done."""
        with self._engine:
            self._begin(self._round.plan.start())
            while self._rows:
                self._hear(self._engine.advance())
        self._round.check_done()

    def _begin(self, requests: Sequence[SegmentRequest]) -> None:
        orders: list[Order] = []
        for request in requests:
            prompt = self._round.prompts[request.tree]
            path = prompt
            if request.parent is not None:
                path = self._paths[request.parent][: len(prompt) + request.fork_at]
            row = self._rows[request.segment] = self._round.row(request, path)
            watch_from = request.watch_from
            orders.append(
                Order(
                    key=request.segment,
                    path=path,
                    temperature=_temperature(request),
                    seed=row.stream >> 1,  # vLLM's are signed
                    most=self._settings.max_completion_length - request.fork_at,
                    unwatched=None if watch_from is None else max(0, watch_from - row.position),
                )
            )
        self._engine.begin(orders)

    def _hear(self, news: Sequence[News]) -> None:
        # In the order in which they were asked for, whatever order vLLM has.
        ordered = sorted((one for one in news if one.tokens or one.ended), key=lambda one: one.key)
        tokens = [token for one in ordered for token in one.tokens]
        if not ordered:
            return
        temperatures = [
            _temperature(self._rows[one.key].request) for one in ordered for _ in one.tokens
        ]
        thoughts = None
        if tokens:
            recipe = max(COOLEST, self._settings.temperature)
            thoughts = thoughts_of(tokens, np.array(temperatures), recipe, self._vocabulary)
        requests: list[SegmentRequest] = []
        cut: list[int] = []
        first = 0
        for one in ordered:
            row = self._rows[one.key]
            if one.reread is not None and row.request.parent is not None:
                self._reread[one.key] = one.reread
            segment = self._taken(row, one, thoughts, first)
            first += len(one.tokens)
            if segment is None:
                continue
            if not one.ended:
                cut.append(one.key)
            del self._rows[one.key]
            self._paths[one.key] = row.path
            requests += self._round.ended(segment)
        self._engine.stop(cut)
        self._begin(requests)

    def _taken(
        self, row: Row, news: News, thoughts: Thoughts | None, first: int
    ) -> GeneratedSegment | None:
        """Adds a row's new tokens to it; the segment, if it has come to its end.

        `first` is the place of the first of them in `thoughts`.
        """
        settings, watch_from = self._settings, row.request.watch_from
        reread = self._reread.get(news.key)
        for number, sampled in enumerate(news.tokens):
            assert thoughts is not None
            i = first + number
            # As they are recorded, so that what is read back triggers exactly where it did.
            max_prob = float(np.float16(thoughts.max_prob[i]))
            entropy = float(np.float16(thoughts.entropy[i]))
            top = self._alternatives(thoughts, i, max_prob)
            if watch_from is not None and row.position >= watch_from:
                trigger = trigger_at(
                    max_prob,
                    entropy,
                    settings.parameters.uncertainty_threshold,
                    settings.parameters.entropy_threshold,
                )
                if trigger is not None:
                    dropped = len(news.tokens) - number
                    dropped += 0 if news.ended else self._engine.in_flight
                    cut = Cut(trigger, max_prob, entropy, top)
                    return segment_of(row, "truncated", cut, dropped, reread)
            if top is not None:
                row.top[len(row.token_ids)] = top
            row.max_prob.append(max_prob)
            row.entropy.append(entropy)
            row.logprob.append(float(thoughts.logprob[i]))
            row.train_logprob.append(float(thoughts.train_logprob[i]))
            row.token_ids.append(sampled.token)
            row.path.append(sampled.token)
            if sampled.token in settings.end_tokens:
                return segment_of(row, "complete", discarded=0, reread=reread)
        if news.ended or row.position >= settings.max_completion_length:
            return segment_of(row, "length", discarded=0, reread=reread)
        return None

    def _alternatives(self, thoughts: Thoughts, i: int, max_prob: float) -> Alternatives | None:
        count = self._settings.capture_top_k
        if count == 0 or max_prob >= self._settings.capture_below:
            return None
        logprobs = thoughts.top_logprobs[i, :count].astype(np.float32)
        return Alternatives(thoughts.top_ids[i, :count], logprobs)


def _temperature(request: SegmentRequest) -> float:
    return max(COOLEST, request.temperature)
