"""Runs a plan on a transformers model: all rows advance together, one token at a time.

A row is watched while it is generated. Where the policy is unsure it is cut before the token, the
plan is told, and the prefix goes on at once, hotter, in the same row and with the same cache.
Branches that the plan asks for later start from a copy of the cache of their prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..run.rows import Alternatives
from ..strategy import SegmentRequest, trigger_at
from .cache import Prefix, RowCache, prefill
from .draws import uniform
from .round import Ended, Plan, Round, RoundSettings, Score
from .row import Cut, Row, segment_of
from .segments import GeneratedSegment


class Sampler:
    """Generates one round.

    Args:
        model: a causal language model, in evaluation mode
        prompts: token ids by tree; none may be empty
        plan: says what to generate
        settings: of the round
        on_end: called with every segment when it ends, parents before children
        score_roots: rewards of all roots when the last has ended, for a plan whose forks depend on
            them; None where they don't
        anyone_busy: whether any process still generates, given whether this one does. Where
            parameters are spread over processes, all have to call the model equally often
    """

    def __init__(
        self,
        model: torch.nn.Module,
        prompts: Sequence[Sequence[int]],
        plan: Plan,
        settings: RoundSettings,
        on_end: Ended,
        score_roots: Score | None = None,
        anyone_busy: Callable[[bool], bool] = lambda busy: busy,
    ) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        together = None if score_roots is None else self._together(score_roots)
        self._round = Round(prompts, plan, settings, on_end, together)
        self._settings = settings
        self._anyone_busy = anyone_busy
        self._rows: list[Row] = []
        self._cache = RowCache()
        self._prefixes: dict[int, tuple[Prefix, list[int]]] = {}
        """By segment: the cache of its whole path, and the path."""
        self._tree_of: dict[int, int] = {}
        parameters = settings.parameters
        self._branches_left = [parameters.num_generations - parameters.roots_per_prompt] * len(
            prompts
        )
        """By tree: while there are any, prefixes are kept."""

    @torch.no_grad()
    def run(self) -> None:
        """Generates until the plan is done."""
        prompts = self._round.prompts
        heads = prefill(self._model, [prompt[:-1] for prompt in prompts])
        if max(map(len, prompts)) == 1:
            self._idle()  # nothing was read here, while other processes did
        requests = self._round.plan.start()
        self._cache.join([heads[request.tree] for request in requests])
        self._rows = [self._row(request, prompts[request.tree]) for request in requests]
        while self._anyone_busy(bool(self._rows)):
            if self._rows:
                self._tick()
            else:
                self._idle()
        self._round.check_done()

    def _row(self, request: SegmentRequest, path: Sequence[int]) -> Row:
        self._tree_of[request.segment] = request.tree
        return self._round.row(request, path)

    def _together(self, score: Score) -> Score:
        """Scores when the roots of all processes have ended: meanwhile they call the model."""

        def wait_and_score(roots: Sequence[GeneratedSegment]) -> Sequence[float | None]:
            while self._anyone_busy(False):
                self._idle()
            return score(roots)

        return wait_and_score

    def _idle(self) -> None:
        """One call of the model for the sake of the other processes."""
        self._model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=self._device))

    def _tick(self) -> None:
        ids = torch.tensor([[row.path[-1]] for row in self._rows], device=self._device)
        positions = torch.tensor(self._cache.lengths, device=self._device)[:, None]
        logits = self._model(
            input_ids=ids,
            attention_mask=self._cache.mask(self._device),
            position_ids=positions,
            past_key_values=self._cache.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        self._cache.grown()
        logits = logits.float()
        # At temperature 1: watching and sampling share it.
        logprobs = logits.log_softmax(-1)
        joining = self._watch(logprobs)
        joining += self._sample(logits, logprobs)
        self._leave_and_join(joining)

    def _watch(self, logprobs: torch.Tensor) -> list[SegmentRequest]:
        """Cuts the rows whose next token is too unsure; returns what else the plan asks for."""
        parameters = self._settings.parameters
        entropy = -(logprobs.exp() * logprobs).nan_to_num(0.0).sum(-1)
        both = torch.stack((logprobs.amax(-1).exp(), entropy.clamp(min=0)))
        # As they are recorded, so that what is read back triggers exactly where it did.
        max_probs, entropies = both.half().float().tolist()
        tops = self._alternatives(logprobs, max_probs)
        joining: list[SegmentRequest] = []
        for i in range(len(self._rows)):
            row = self._rows[i]
            watch_from = row.request.watch_from
            trigger = None
            if watch_from is not None and row.position >= watch_from:
                trigger = trigger_at(
                    max_probs[i],
                    entropies[i],
                    parameters.uncertainty_threshold,
                    parameters.entropy_threshold,
                )
            if trigger is not None:
                cut = Cut(trigger, max_probs[i], entropies[i], tops.get(i))
                segment = segment_of(row, "truncated", cut)
                self._keep_prefix(i, row)
                requests = self._round.ended(segment)
                own = next(one for one in requests if one.parent == segment.segment)
                joining += [one for one in requests if one is not own]
                row = self._rows[i] = self._row(own, row.path)
            row.max_prob.append(max_probs[i])
            row.entropy.append(entropies[i])
            if i in tops:
                row.top[len(row.token_ids)] = tops[i]
        return joining

    def _alternatives(
        self, logprobs: torch.Tensor, max_probs: Sequence[float]
    ) -> dict[int, Alternatives]:
        """Of the rows that are unsure enough to be kept."""
        rows = [i for i, p in enumerate(max_probs) if p < self._settings.capture_below]
        count = min(self._settings.capture_top_k, logprobs.shape[-1])
        if not rows or count == 0:
            return {}
        best = logprobs[rows].topk(count, dim=-1)
        ids, values = best.indices.int().cpu().numpy(), best.values.cpu().numpy()
        return {row: Alternatives(ids[i], values[i]) for i, row in enumerate(rows)}

    def _sample(self, logits: torch.Tensor, logprobs: torch.Tensor) -> list[SegmentRequest]:
        """Draws the next token of every row; returns what the plan asks for where rows ended."""
        settings = self._settings
        # As good as 0 is greedy.
        temperatures = [max(1e-4, row.request.temperature) for row in self._rows]
        hot = _at(temperatures, logits, logprobs)
        draws = uniform(
            np.array([row.stream for row in self._rows], np.uint64),
            np.array([row.position for row in self._rows], np.uint64),
        )
        # By the inverse of the cumulative distribution, in double precision.
        cumulated = hot.exp().double().cumsum(-1)
        targets = torch.from_numpy(draws).to(cumulated)[:, None] * cumulated[:, -1:]
        chosen = torch.searchsorted(cumulated, targets, right=True).clamp(max=logits.shape[-1] - 1)
        behaviour = hot.gather(-1, chosen)
        train = _at([settings.temperature], logits, logprobs).gather(-1, chosen)
        tokens = chosen[:, 0].tolist()
        joining: list[SegmentRequest] = []
        values = zip(tokens, behaviour[:, 0].tolist(), train[:, 0].tolist(), strict=True)
        for i, (token, logprob, train_logprob) in enumerate(values):
            row = self._rows[i]
            row.token_ids.append(token)
            row.logprob.append(logprob)
            row.train_logprob.append(train_logprob)
            row.path.append(token)
            if token in settings.end_tokens:
                joining += self._finish(i, segment_of(row, "complete"))
            elif row.position >= settings.max_completion_length:
                joining += self._finish(i, segment_of(row, "length"))
        return joining

    def _finish(self, i: int, segment: GeneratedSegment) -> list[SegmentRequest]:
        """A row has come to its end."""
        if self._round.forks_after(segment):
            self._keep_prefix(i, self._rows[i])
        return self._round.ended(segment)

    def _keep_prefix(self, i: int, row: Row) -> None:
        """Branches may start from here; the last token is read again when they do."""
        if self._branches_left[row.request.tree] > 0:
            # The token that was just sampled is not in the cache yet.
            held = min(self._cache.lengths[i], len(row.path))
            self._prefixes[row.request.segment] = (self._cache.prefix(i, held), list(row.path))

    def _leave_and_join(self, requests: Sequence[SegmentRequest]) -> None:
        ends = self._settings.end_tokens
        staying = [
            i
            for i, row in enumerate(self._rows)
            if row.position < self._settings.max_completion_length and row.token_ids[-1] not in ends
        ]
        if len(staying) < len(self._rows):
            self._rows = [self._rows[i] for i in staying]
            self._cache.keep(staying)
        if requests:
            heads: list[Prefix] = []
            for request in requests:
                assert request.parent is not None, "roots are there from the start"
                prefix, path = self._prefixes[request.parent]
                kept = len(self._round.prompts[request.tree]) + request.fork_at
                heads.append(prefix.head(kept - 1))
                self._rows.append(self._row(request, path[:kept]))
                self._branches_left[request.tree] -= 1
            self._cache.join(heads)
            self._prefixes = {
                segment: (prefix, path)
                for segment, (prefix, path) in self._prefixes.items()
                if self._branches_left[self._tree_of[segment]] > 0
            }


def _at(
    temperatures: Sequence[float], logits: torch.Tensor, logprobs: torch.Tensor
) -> torch.Tensor:
    """Log probabilities at a temperature for each row, or one for all; at 1 they are there."""
    if all(temperature == 1 for temperature in temperatures):
        return logprobs
    return (logits / torch.tensor(temperatures).to(logits)[:, None]).log_softmax(-1)
