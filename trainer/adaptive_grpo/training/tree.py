"""One adaptive round: from prompts to the rows that TRL trains on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ..errors import PlainError
from ..generation import GeneratedSegment, Paths, RoundSettings
from ..generation.draws import stream_of, uniform_stream
from ..strategy import RolloutPlan
from .backends import generate
from .crew import CrewPlan, crew_of
from .prompts import empty_groups
from .rounds import PromptGroup, Score, score_of
from .sharing import largest

if TYPE_CHECKING:
    from .trainer import TokenAdaptiveGRPOTrainer

_FORKS = 101
"""Names the draws that place forks (`fork_policy: random`)."""

RewardRows = Callable[[list[Any], list[Any], list[Any], list[list[int]]], torch.Tensor]
"""TRL's `_calculate_rewards`: (rows of all processes, functions), NaN for no opinion."""


class TreeRound:
    """The round of one process.

    Args:
        trainer: whose round it is
        inputs: the data set's rows, each `num_generations` times in a row
        reward_rows: scores completions; every process must call it with equally many
        number: the step it is for, from 0, and how many rounds this step had before
    """

    def __init__(
        self,
        trainer: TokenAdaptiveGRPOTrainer,
        inputs: Sequence[dict[str, Any]],
        reward_rows: RewardRows,
        number: tuple[int, int],
    ) -> None:
        self._trainer = trainer
        self._inputs = list(inputs)
        self._reward_rows = reward_rows
        self._number = number
        self._each = trainer.num_generations
        self._strategy = trainer.args.strategy
        self._completions: dict[int, list[int]] = {}
        self._extras: dict[str, dict[int, Any]] = {}
        """What reward functions logged (`log_extra`), by column and segment."""
        self.scoring = 0.0
        """Seconds that the reward functions took."""
        prompts = [one["prompt"] for one in self._inputs[:: self._each]]
        prompt_ids, images, _ = trainer._tokenize_prompts(prompts)
        if images is not None:
            raise PlainError(
                "The data set has images, which trees of rollouts don't know.",
                "Set `use_token_adaptive: false`.",
            )
        self.groups = empty_groups(trainer, self._inputs[:: self._each], prompt_ids)

    def generate(self) -> dict[str, Any]:
        """Samples the trees; one row for each completion, as TRL's `rollout_func` returns them.

        Where prompts got fewer than `num_generations` completions (nothing was unsure), rows of
        one end token fill the places; nobody scores or trains them.
        """
        trainer, trees = self._trainer, len(self.groups)
        step, earlier = self._number
        crew = crew_of(trainer)
        prompts = crew.gathered([group.prompt_ids for group in self.groups])
        names = (trainer.args.seed, step, *([earlier] if earlier else []))

        def plan_of(rank: int) -> RolloutPlan:
            forks = uniform_stream(stream_of(_FORKS, *names, rank))
            return RolloutPlan(self._strategy, trees, forks)

        settings = RoundSettings(
            parameters=self._strategy,
            temperature=self._strategy.temperature,
            max_completion_length=trainer.max_completion_length,
            end_tokens=trainer.end_tokens,
            capture_top_k=trainer.args.capture_top_k,
            capture_below=trainer.args.capture_below,
            stream=names,
            first_tree=crew.first * trees,
        )
        asks_rewards = self._strategy.use_token_adaptive and (
            self._strategy.fork_policy == "top_entropy"
        )
        paths = Paths()

        def ended(segment: GeneratedSegment) -> None:
            own = crew.own(segment, trees)
            if own is not None:
                self.groups[own.request.tree].segments.append(own)
                self._completions[own.segment] = paths.add(own).tolist()

        def rewards(roots: Sequence[GeneratedSegment]) -> list[float | None]:
            own = [(one.segment, crew.own(one, trees)) for one in roots]
            here = [(name, one) for name, one in own if one is not None]
            scores = self._score([one for _, one in here])
            pairs = [(name, score.reward) for (name, _), score in zip(here, scores, strict=True)]
            # They only place forks: all completions of a prompt are scored together at the end.
            trainer._pending_metrics.clear()
            known = dict(crew.gathered(pairs))
            return [known[one.segment] for one in roots]

        plan = CrewPlan(plan_of, crew, trees)
        score = rewards if asks_rewards else None
        generate(trainer, prompts, plan, settings, ended, score)
        for group in self.groups:
            # As they were asked for: parents before children.
            group.segments.sort(key=lambda one: one.segment)
        end = min(trainer.end_tokens)
        prompt_ids = [group.prompt_ids for group, _ in self.places()]
        completion_ids = [
            [end] if leaf is None else self._completions[leaf.segment] for _, leaf in self.places()
        ]
        logprobs = None
        if trainer.use_vllm:
            # NaN is what vLLM doesn't tell.
            logprobs = [
                [math.nan] if leaf is None else paths.logprob(leaf.segment).tolist()
                for _, leaf in self.places()
            ]
        return {"prompt_ids": prompt_ids, "completion_ids": completion_ids, "logprobs": logprobs}

    def places(self) -> list[tuple[PromptGroup, GeneratedSegment | None]]:
        """TRL's rows: all completions, prompt by prompt, then as many as are missing.

        With `top_entropy` a prompt may have more completions than another.
        """
        found: list[tuple[PromptGroup, GeneratedSegment | None]] = [
            (group, leaf) for group in self.groups for leaf in group.leaves
        ]
        return found + [(self.groups[-1], None)] * (len(self._inputs) - len(found))

    def reward_table(self) -> torch.Tensor:
        """Of this process's rows: (rows, functions), NaN for no opinion.

        All at once, because functions may compare the completions of a prompt (`length`): roots
        that were scored to place forks are scored again beside their branches.
        """
        stubs = self._strategy.prefix_credit == "stub"
        asked = [
            one
            for group in self.groups
            for one in group.segments
            if stubs or one.status != "truncated"
        ]
        for segment, score in zip(asked, self._score(asked), strict=True):
            self.groups[segment.request.tree].scores[segment.segment] = score
        names = self._trainer.reward_func_names
        table = torch.full((len(self._inputs), len(names)), torch.nan)
        for row, (group, leaf) in enumerate(self.places()):
            if leaf is not None:
                rewards = group.scores[leaf.segment].rewards
                table[row] = torch.tensor([rewards.get(name, torch.nan) for name in names])
        for column, values in self._extras.items():
            self._trainer._pending_extra_logs[column] = [
                None if leaf is None else values.get(leaf.segment) for _, leaf in self.places()
            ]
        return table.to(self._trainer.accelerator.device)

    def _score(self, segments: Sequence[GeneratedSegment]) -> list[Score]:
        """Scores the texts that end with these segments; all processes call this together."""
        began = time.perf_counter()
        trainer = self._trainer
        most = largest(trainer.accelerator, len(segments))
        # TRL gathers: every process scores equally many, the last ones again where it has fewer.
        asked = list(segments) or [self.groups[0].segments[0]]
        asked += [asked[-1]] * (most - len(asked))
        trees = [one.request.tree for one in asked]
        inputs = [self._inputs[tree * self._each] for tree in trees]
        ids = [self._completions[one.segment] for one in asked]
        prompts = [one["prompt"] for one in inputs]
        rows: list[Any] = []
        if most > 0:
            table = self._reward_rows(inputs, prompts, self._decoded(prompts, ids), ids)
            first = trainer.accelerator.process_index * most
            rows = table[first : first + len(segments)].tolist()
            # TRL's table has a row for each place, whatever was scored and when.
            for column, values in trainer._pending_extra_logs.items():
                own = self._extras.setdefault(column, {})
                own.update(zip((one.segment for one in asked), values, strict=False))
            trainer._pending_extra_logs.clear()
        self.scoring += time.perf_counter() - began
        names, weights = trainer.reward_func_names, trainer.reward_weights.tolist()
        return [score_of(names, row, weights) for row in rows]

    def _decoded(self, prompts: Sequence[Any], ids: Sequence[Sequence[int]]) -> list[Any]:
        """As the reward functions get them: messages where the prompt is a list of messages."""
        texts = self._trainer.processing_class.batch_decode(ids, skip_special_tokens=True)
        return [
            text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]
            for prompt, text in zip(prompts, texts, strict=True)
        ]
