"""`TokenAdaptiveGRPOTrainer`: TRL's `GRPOTrainer` over trees of rollouts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from trl import GRPOTrainer

from ..compat import check_trl
from ..errors import PlainError
from ..generation import TokenTexts
from ..run import Recorder
from ..strategy.credit import Scale, deviation_of
from ..strategy.forest import Forest
from .baseline import baseline_groups
from .config import AdaptiveGRPOConfig
from .metrics import effective_sample_size, facts_of, merged, round_metrics
from .recording import recorded_rows, renumbered
from .rounds import PromptGroup
from .sharing import gathered, total
from .tensors import tree_tensors
from .tree import TreeRound

check_trl()


@dataclass
class Counters:
    """What a run has come to so far, over all processes; a checkpoint keeps it."""

    segments: int = 0
    generated: int = 0
    reused: int = 0
    trained: int = 0
    changes: dict[str, Any] = field(default_factory=dict)
    """Keys of the recipe that a command changed while the run went on."""


def _generate_tree(_prompts: list[Any], trainer: TokenAdaptiveGRPOTrainer) -> dict[str, Any]:
    """TRL's `rollout_func`."""
    assert trainer._round is not None, "trees are generated in training rounds only"
    return trainer._round.generate()


class TokenAdaptiveGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """GRPO whose completions may share prefixes: cut, resampled and credited as a tree.

    TRL's loop and TRL's loss. What differs is where completions come from (`rollout_func`), what
    each of their tokens is worth (advantages of shape (rows, tokens)), and that a prefix which
    several completions share is trained once (a weight a token, as TRL's loss mask). With
    `use_token_adaptive: false` it is TRL's own GRPO.

    Args:
        recorder: of the run directory; None on all processes but the main one
        records: whether rollouts are recorded, said alike on all processes
        kwargs: of `GRPOTrainer`; `args` is an `AdaptiveGRPOConfig`
    """

    control: Any
    loss_type: str
    rollout_func: Callable[[list[Any], TokenAdaptiveGRPOTrainer], dict[str, Any]] | None

    def __init__(
        self, *, recorder: Recorder | None = None, records: bool | None = None, **kwargs: Any
    ) -> None:
        if not isinstance(kwargs.get("args"), AdaptiveGRPOConfig):
            raise TypeError("`args` must be an AdaptiveGRPOConfig")
        for key in ("tools", "environment_factory", "rollout_func"):
            if kwargs.get(key) is not None:
                raise TypeError(f"`{key}` is not supported: this trainer generates by itself")
        super().__init__(**kwargs)
        self.recorder = recorder
        self.records = recorder is not None if records is None else records
        self.counters = Counters()
        self.step_metrics: dict[str, float] = {}
        """Of the latest round; they are logged with the first step after it."""
        self.safe_point: Callable[[TokenAdaptiveGRPOTrainer], None] | None = None
        """Called on every process between two optimizer steps, when all of a step is done."""
        self._round: TreeRound | None = None
        self._rewards = torch.zeros(0)
        self._safe_points = 0
        self._texts = TokenTexts(self._tokenizer)

    @property
    def end_tokens(self) -> frozenset[int]:
        """A completion ends with the first of these.

        Raises:
            PlainError: there are none
        """
        known = getattr(self, "eos_token_ids", None) or [self._tokenizer.eos_token_id]
        ids = frozenset(one for one in known if one is not None)
        if not ids:
            raise PlainError(
                "The tokenizer has no end-of-text token, so no completion would ever end.",
                "Set `eos_token` in its tokenizer_config.json, or choose another model.",
            )
        return ids

    @property
    def groups_recorded_here(self) -> int:
        """How many of this process's prompts are recorded in a round."""
        if not self.records:
            return 0
        limit: int | None = self.args.capture_groups_per_step
        rows: int = self.args.generation_batch_size
        processes: int = self.accelerator.num_processes
        every = math.ceil(rows / self.num_generations / processes) + 1
        return every if limit is None else math.ceil(limit / processes)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        if not self.model.training:
            return super()._generate_and_score_completions(inputs)  # type: ignore[no-any-return]
        began = time.perf_counter()
        output: dict[str, Any]
        if self.args.use_token_adaptive:
            rewards = super()._calculate_rewards
            self._round = tree = TreeRound(self, inputs, rewards)
            self.rollout_func = _generate_tree
            try:
                output = super()._generate_and_score_completions(inputs)
            finally:
                self.rollout_func = self._round = None
            groups, seconds = tree.groups, {"time/score": tree.scoring}
            credit_began = time.perf_counter()
            metrics = self._credit(tree, output)
            seconds["time/credit"] = time.perf_counter() - credit_began
        else:
            output = super()._generate_and_score_completions(inputs)
            groups, metrics = baseline_groups(self, inputs, output, self._rewards), {}
            seconds = {}
        spent = time.perf_counter() - began
        seconds["time/generate"] = spent - sum(seconds.values())
        self._finish_round(groups, {**metrics, **seconds})
        return output

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any
    ) -> torch.Tensor:
        """(rows of all processes, functions); NaN on rows that only fill a prompt's places."""
        table: torch.Tensor
        if self._round is not None:
            table = self.accelerator.gather(self._round.reward_table())
        else:
            table = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        first = self.accelerator.process_index * len(prompts)
        self._rewards = table[first : first + len(prompts)]
        return table

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        mask = inputs["completion_mask"] * inputs.get("tool_mask", 1)
        if self.model.training:
            trained = total(self.accelerator, [float((mask > 0).sum())])
            self.counters.trained += int(trained[0])
        loss_type = self.loss_type
        if inputs.get("tool_mask") is not None and loss_type == "grpo":
            # The mask and the number of items are made for it: see `tree_tensors`.
            self.loss_type = "dapo"
        try:
            return super()._compute_loss(model, inputs)  # type: ignore[no-any-return]
        finally:
            self.loss_type = loss_type

    def _credit(self, tree: TreeRound, output: dict[str, Any]) -> dict[str, float]:
        """Works out what every token is worth and puts it where TRL's advantages were."""
        groups = tree.groups
        scale: Scale = "none" if self.scale_rewards == "none" else "group"
        if self.scale_rewards == "batch":
            trees = [group.tree() for group in groups]
            scale = deviation_of(
                gathered([one for tree in trees for one in Forest(tree).rewards()])
            )
        for group in groups:
            group.credit(self.args.strategy, scale)
        row_of = {row.leaf: row for group in groups for row in group.rows}
        rows = list(row_of.values())
        places = [None if leaf is None else row_of.get(leaf.segment) for _, leaf in tree.places()]
        weights = float(sum(row.weight.sum() for row in rows))
        masses = float(sum(row.mass for row in rows))
        sums = total(self.accelerator, [weights, masses, len(places)])
        clip = self.args.importance_clip
        output |= tree_tensors(
            places,
            tuple(output["completion_ids"].shape),
            loss_type=self.loss_type,
            importance_clip=clip,
            totals=sums,
            device=self.accelerator.device,
        )
        ratios = [
            float(ratio)
            for row in rows
            for ratio, weight in zip(row.importance(clip), row.weight, strict=True)
            if weight > 0
        ]
        everyone = gathered(ratios)
        return {"adaptive/importance_ess": effective_sample_size(everyone)}

    def _finish_round(self, groups: Sequence[PromptGroup], metrics: dict[str, float]) -> None:
        """Counts, measures and records what was generated."""
        began = time.perf_counter()
        facts = merged(gathered([facts_of(group) for group in groups]))
        measured = round_metrics(facts, self.counters.segments)
        first = self.counters.segments
        self.counters.segments += sum(len(one.measured) for one in facts)
        self.counters.generated += sum(one.generated for one in facts)
        self.counters.reused += sum(one.reused for one in facts)
        if self.records:
            step = self.state.global_step + 1
            own = recorded_rows(groups[: self.groups_recorded_here], step, self._texts)
            everyones = gathered([own])
            if self.recorder is not None:
                # After a crash, the ids of the steps that are repeated are taken.
                free = max(first, self.recorder.writer.next_segment_id)
                limit = self.args.capture_groups_per_step
                self.recorder.rollouts(step, renumbered(everyones, free, limit))
        metrics["time/record"] = time.perf_counter() - began
        self.step_metrics = {**measured, **metrics}
        logged = self._metrics["train"]
        for name, value in self.step_metrics.items():
            # In place of what TRL counted over rows, of which some only fill places.
            if logged[name]:
                logged[name][-1] = value
            else:
                logged[name].append(value)

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        super()._maybe_log_save_evaluate(*args, **kwargs)
        done = self.state.global_step
        # It is called once more at the end of an epoch.
        if self.safe_point is not None and done > self._safe_points:
            self._safe_points = done
            self.safe_point(self)

    def save_now(self) -> None:
        """Writes a checkpoint, unless this step has one; all processes call it together."""
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        if not folder.exists():
            self._save_checkpoint(self.model, trial=None)
            self.control = self.callback_handler.on_save(self.args, self.state, self.control)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds what the run has come to so far to TRL's metrics."""
        if self.model.training:
            counts = self.counters
            logs |= {
                "tokens/generated": counts.generated,
                "tokens/reused": counts.reused,
                "tokens/trained": counts.trained,
            }
        super().log(logs, start_time)
