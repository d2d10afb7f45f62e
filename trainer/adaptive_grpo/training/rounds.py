"""A generation round: sampled, scored and credited."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..generation import GeneratedSegment, TokenTexts
from ..run import SegmentRow
from ..run.rows import Floats
from ..strategy import (
    MeasuredSegment,
    SegmentCredit,
    StrategyParameters,
    TreeSegment,
    credit_group,
)
from ..strategy.credit import Scale
from .rows import CompletionRow, completion_rows


@dataclass(frozen=True)
class Score:
    """What the reward functions say of one text."""

    rewards: Mapping[str, float]
    """By function; functions without an opinion are left out."""
    reward: float | None
    """Weighted sum; None where no function had an opinion."""

    @property
    def right(self) -> bool | None:
        """Whether the answer is right, by the function that tells (`tells_accuracy`)."""
        told = (reward for name, reward in self.rewards.items() if tells_accuracy(name))
        accuracy = next(told, None)
        return None if accuracy is None else accuracy >= 0.5


NOT_SCORED = Score({}, None)


def tells_accuracy(name: str) -> bool:
    """Whether a reward function says what is right: `accuracy`, `accuracy_reward`, `own:accuracy`.

    The twin of `accuracyOf` in `src/run/groups.ts`.
    """
    return name.replace(":", ".").rpartition(".")[2].startswith("accuracy")


def score_of(names: Sequence[str], rewards: Sequence[float], weights: Sequence[float]) -> Score:
    """What the functions said; NaN is no opinion."""
    said = [
        (name, reward, weight)
        for name, reward, weight in zip(names, rewards, weights, strict=True)
        if not math.isnan(reward)
    ]
    whole = sum(reward * weight for _, reward, weight in said) if said else None
    return Score({name: reward for name, reward, _ in said}, whole)


@dataclass
class PromptGroup:
    """One prompt with everything that was sampled for it."""

    prompt_id: str
    prompt: str
    prompt_ids: Sequence[int]
    segments: list[GeneratedSegment] = field(default_factory=list)
    """Parents before children."""
    scores: dict[int, Score] = field(default_factory=dict)
    """By segment."""
    credits: list[SegmentCredit] = field(default_factory=list)
    """In the order of `segments`."""
    rows: list[CompletionRow] = field(default_factory=list)

    references: dict[int, Floats] = field(default_factory=dict)
    """By segment: log probabilities under the reference policy, where there is one."""
    trainers: dict[int, Floats] = field(default_factory=dict)
    """By segment: what the trainer makes of tokens that vLLM sampled; as `train_logprob`."""

    @property
    def leaves(self) -> list[GeneratedSegment]:
        """The segments that a completion ends with."""
        return [one for one in self.segments if one.status != "truncated"]

    def tree(self) -> list[TreeSegment]:
        """The segments as the strategy sees them."""
        return [
            TreeSegment(
                segment=one.segment,
                parent=one.request.parent,
                fork_at=one.request.fork_at,
                length=len(one.token_ids),
                status=one.status,
                reward=self.scores.get(one.segment, NOT_SCORED).reward,
            )
            for one in self.segments
        ]

    def credit(self, parameters: StrategyParameters, scale: Scale) -> None:
        """Works out what every token is worth, and the training rows."""
        tree = self.tree()
        self.credits = credit_group(tree, parameters.prefix_credit, parameters.tree_baseline, scale)
        answered = {
            one.segment for one in tree if one.status != "truncated" and one.reward is not None
        }
        self.rows = completion_rows(self.segments, self.credits, answered)

    def note_reference(self, row: CompletionRow, logprob: Floats) -> None:
        """What the reference policy thinks of a completion, for the segments of its path."""
        _note(self.references, row, logprob)

    def note_trainer(self, row: CompletionRow, logprob: Floats) -> None:
        """What the trainer thinks of a completion that vLLM sampled."""
        _note(self.trainers, row, logprob)

    def measured(self) -> list[MeasuredSegment]:
        """The segments as the strategy's metrics see them."""
        found: list[MeasuredSegment] = []
        for one, tree, credit in zip(self.segments, self.tree(), self.credits, strict=True):
            cut = one.status == "truncated"
            found.append(
                MeasuredSegment(
                    segment=tree.segment,
                    parent=tree.parent,
                    fork_at=tree.fork_at,
                    length=tree.length,
                    status=tree.status,
                    reward=tree.reward,
                    attempt=one.request.attempt,
                    failure_point=one.failure_point,
                    right=None if cut else self.scores.get(one.segment, NOT_SCORED).right,
                    value=credit.value,
                )
            )
        return found

    def recorded(self, step: int, texts: TokenTexts) -> list[SegmentRow]:
        """The segments as rows of `rollouts.arrows`, by their numbers in the round."""
        rows: list[SegmentRow] = []
        for one, credit in zip(self.segments, self.credits, strict=True):
            request, score = one.request, self.scores.get(one.segment)
            text, ends = texts.of(one.token_ids)
            # Where nothing was hotter than the recipe says, it is `logprob` once more.
            train = None if request.attempt == 0 else one.train_logprob
            rows.append(
                SegmentRow(
                    step=step,
                    prompt_id=self.prompt_id,
                    prompt=self.prompt if request.parent is None else None,
                    segment_id=one.segment,
                    parent_id=request.parent,
                    fork_at=request.fork_at,
                    attempt=request.attempt,
                    kind="root" if request.parent is None else "resample",
                    status=one.status,
                    trigger=one.trigger,
                    failure_point=one.failure_point,
                    failure_max_prob=one.failure_max_prob,
                    failure_entropy=one.failure_entropy,
                    failure_top=one.failure_top,
                    temperature=request.temperature,
                    rewards=None if score is None else score.rewards,
                    reward=None if score is None else score.reward,
                    value=credit.value,
                    trained=credit.trained,
                    token_ids=one.token_ids,
                    text=text,
                    token_ends=ends,
                    logprob=one.logprob,
                    entropy=one.entropy,
                    max_prob=one.max_prob,
                    advantage=credit.advantage.astype(np.float32),
                    ref_logprob=_noted(self.references, one),
                    train_logprob=train if (own := _noted(self.trainers, one)) is None else own,
                    top=one.top,
                )
            )
        return rows


def _note(table: dict[int, Floats], row: CompletionRow, logprob: Floats) -> None:
    for part in row.parts:
        own = logprob[part.start : part.end]
        # A segment may be left before its end: the row that goes furthest tells the most.
        if len(own) > len(table.get(part.segment, ())):
            table[part.segment] = own


def _noted(table: Mapping[int, Floats], segment: GeneratedSegment) -> Floats | None:
    found = table.get(segment.segment)
    # Its end may be only in completions that nobody could score.
    return None if found is None or len(found) < len(segment.token_ids) else found
