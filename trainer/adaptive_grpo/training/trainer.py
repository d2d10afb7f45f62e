"""`TokenAdaptiveGRPOTrainer`: TRL's `GRPOTrainer` over trees of rollouts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from trl import GRPOTrainer

from ..compat import check_trl
from ..run import Recorder
from ..strategy.credit import Scale, deviation_of
from ..strategy.forest import Forest
from .backends import check_server, starting, weighed_by_token
from .baseline import baseline_groups
from .config import AdaptiveGRPOConfig
from .ledger import Capture, Ledger
from .metrics import RUNNING_TOTALS, TRL_NAMES, effective_sample_size, mend_means
from .prompts import end_tokens_of
from .rounds import PromptGroup
from .saving import CheckpointError, Saving, remove_older
from .sharing import any_process, gathered, total
from .state import write_state
from .tensors import tree_tensors
from .tree import TreeRound

check_trl()


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
        with starting(kwargs["args"]):
            super().__init__(**kwargs)
        check_server(self)
        args = self.args
        self.ledger = Ledger(
            self._tokenizer,
            recorder,
            recorder is not None if records is None else records,
            Capture(args.capture_top_k, args.capture_below, args.capture_groups_per_step),
        )
        self.safe_point: Callable[[TokenAdaptiveGRPOTrainer], None] | None = None
        """Called on every process between two optimizer steps, when all of a step is done."""
        self._round: TreeRound | None = None
        self._latest = (-1, 0)
        """The step that was generated for last, and which of its rounds it was."""
        self._rewards = torch.zeros(0)
        self._weights: list[float] = []
        """Of the tokens of each micro-batch of trees since metrics were logged."""
        self._safe_points = 0
        self._saved_step = -1
        self._saving = Saving()

    @property
    def end_tokens(self) -> frozenset[int]:
        """A completion ends with the first of these.

        Raises:
            PlainError: there are none
        """
        return end_tokens_of(self)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        if not self.model.training:
            return super()._generate_and_score_completions(inputs)  # type: ignore[no-any-return]
        began = time.perf_counter()
        # Where `steps_per_generation` is below `gradient_accumulation_steps`, a step has several.
        step = self.state.global_step
        self._latest = (step, self._latest[1] + 1 if self._latest[0] == step else 0)
        before = {name: len(values) for name, values in self._metrics["train"].items()}
        output: dict[str, Any]
        if self.args.use_token_adaptive:
            rewards = super()._calculate_rewards
            self._round = tree = TreeRound(self, inputs, rewards, self._latest)
            self.rollout_func = _generate_tree
            try:
                with weighed_by_token(self):
                    output = super()._generate_and_score_completions(inputs)
            finally:
                self.rollout_func = self._round = None
            groups, seconds = tree.groups, {"time/score": tree.scoring}
            credit_began = time.perf_counter()
            metrics = self._credit(tree, output)
            seconds["time/credit"] = time.perf_counter() - credit_began
        else:
            output = super()._generate_and_score_completions(inputs)
            groups, metrics = baseline_groups(self, self.ledger, inputs, output, self._rewards), {}
            seconds = {}
        spent = time.perf_counter() - began
        seconds["time/generate"] = spent - sum(seconds.values())
        self._finish_round(groups, {**metrics, **seconds}, before)
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
            trained, weight = total(self.accelerator, [float((mask > 0).sum()), float(mask.sum())])
            self.ledger.counters.trained += int(trained)
            if "tool_mask" in inputs:
                self._weights.append(weight)
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
        places = [None if leaf is None else row_of.get(leaf.segment) for _, leaf in tree.places()]
        # Where TRL weighs what vLLM sampled, it does so by the trainer's own probabilities.
        weighed = "importance_sampling_ratio" in output
        if weighed:
            for number, (group, _) in enumerate(tree.places()):
                row = places[number]
                if row is not None:
                    values = output["old_per_token_logps"][number, : len(row.completion_ids)]
                    own = replace(row, train_logprob=values.float().cpu().numpy())
                    group.note_trainer(own, own.train_logprob)
                    places[number] = row_of[own.leaf] = own
        rows = list(row_of.values())
        weights = float(sum(row.weight.sum() for row in rows))
        masses = float(sum(row.mass for row in rows))
        clip = self.args.importance_clip
        ratios = [row.importance(clip)[row.weight > 0] for row in rows]
        moments = [float(sum((ratio**power).sum() for ratio in ratios)) for power in range(3)]
        sums = total(self.accelerator, [weights, masses, len(places), *moments])
        output |= tree_tensors(
            places,
            tuple(output["completion_ids"].shape),
            loss_type=self.loss_type,
            importance_clip=None if weighed else clip,
            totals=sums[:3],
            device=self.accelerator.device,
        )
        references = output.get("ref_per_token_logps")
        if references is not None:
            for number, (group, _) in enumerate(tree.places()):
                row = places[number]
                if row is not None:
                    group.note_reference(row, references[number].float().cpu().numpy())
        return {"adaptive/importance_ess": effective_sample_size(*sums[3:])}

    def _finish_round(
        self, groups: Sequence[PromptGroup], own: dict[str, float], before: dict[str, int]
    ) -> None:
        """Puts a round's metrics beside TRL's.

        Args:
            groups: what was generated
            own: metrics of it
            before: how many values TRL had of each metric when the round began
        """
        step = self.state.global_step + 1
        metrics = self.ledger.finish_round(groups, step, self.accelerator.num_processes)
        for name, value in {**metrics, **own}.items():
            logged = self._metrics["train"][name]
            if name in RUNNING_TOTALS:
                logged.clear()
            elif len(logged) > before.get(name, 0):
                # In place of what TRL counted over rows, of which some only fill places.
                logged.pop()
            logged.append(value)

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        try:
            super()._maybe_log_save_evaluate(*args, **kwargs)
        except CheckpointError as error:
            self.control.should_save = False
            message = f"{error.message} Training goes on."
            self.ledger.warn("checkpoint_lost", message)
            if self.accelerator.is_main_process:
                print(message, file=sys.stderr, flush=True)
        done = self.state.global_step
        # It is called once more at the end of an epoch.
        if self.safe_point is not None and done > self._safe_points:
            self._safe_points = done
            self.safe_point(self)

    def save_now(self) -> None:
        """Writes a checkpoint, unless this step has one; all processes call it together.

        Raises:
            CheckpointError: it can't be written; nothing of it is left
        """
        if self._saved_step != self.state.global_step:
            self._save_checkpoint(self.model, trial=None)
            self.control = self.callback_handler.on_save(self.args, self.state, self.control)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        step, home = self.state.global_step, Path(self.args.output_dir)
        checkpoint = home / f"checkpoint-{step}"
        # Older checkpoints go when this one is all there, and not before.
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            self._saving.begin(self.accelerator, checkpoint, self.model)
            with self._saving.part():
                super()._save_checkpoint(model, trial)
                write_state(checkpoint, step, self.ledger, self.accelerator)
            self._saving.agree(self.accelerator, checkpoint, cleans=self.args.should_save)
        finally:
            self.args.save_total_limit = limit
        self._saved_step = step
        if self.args.should_save:
            stays = remove_older(home, limit, self.state.best_model_checkpoint)
            if stays is not None:
                self.ledger.warn("checkpoint_kept", stays)
                print(stays, file=sys.stderr, flush=True)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """As TRL's; what can't be written is said by the checkpoint it belongs to."""
        with self._saving.part():
            super().create_model_card(*args, **kwargs)

    def save_model(self, *args: Any, **kwargs: Any) -> None:
        """As TRL's; what can't be written is said by the checkpoint it belongs to."""
        with self._saving.part():
            super().save_model(*args, **kwargs)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        # DeepSpeed writes and waits by turns, so it doesn't begin where there is no room.
        if not any_process(self.accelerator, self._saving.fails):
            with self._saving.part():
                super()._save_optimizer_and_scheduler(output_dir)

    def _save_rng_state(self, output_dir: str) -> None:
        with self._saving.part():
            super()._save_rng_state(output_dir)

    def _by_our_names(self) -> dict[str, float]:
        """TRL's own metrics that have another name in the design."""
        kept = {ours: self._metrics["train"].get(theirs) for theirs, ours in TRL_NAMES.items()}
        return {name: sum(values) / len(values) for name, values in kept.items() if values}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds what the run has come to so far to TRL's metrics."""
        if self.model.training:
            mend_means(self._metrics["train"], self._weights)
            self._weights.clear()
            logs |= self.ledger.counters.tokens() | self._by_our_names()
        super().log(logs, start_time)
