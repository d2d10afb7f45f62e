"""Generation rounds as TRL asks for them: scored at once, one or several a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import training
from datasets import Dataset
from test_run_directory import manifest

from adaptive_grpo.rewards import RewardOptions, reward_functions
from adaptive_grpo.run import Recorder, RunWriter
from adaptive_grpo.training.rounds import PromptGroup


@pytest.mark.parametrize("policy", ["first_failure", "top_entropy", "random"])
def test_all_completions_of_a_prompt_are_compared(tmp_path: Path, policy: str) -> None:
    """Roots beside their branches, though forks were placed by what the roots are worth alone."""
    trainer = training.trainer(tmp_path, fork_policy=policy, max_steps=1)
    (length,) = reward_functions(["length"], RewardOptions())
    assert not isinstance(length, str)
    trainer.reward_funcs[1] = length
    logged: list[int] = []

    def counted(completions: list[str], log_metric: Any, **columns: Any) -> list[float]:
        logged.append(len(completions))
        log_metric("asked", len(completions))
        return training.accuracy(completions, columns["answer"])

    trainer.reward_funcs[0] = counted
    found: list[PromptGroup] = []
    finish = trainer._finish_round

    def seen(groups: Sequence[PromptGroup], *rest: Any) -> None:
        found.extend(groups)
        finish(groups, *rest)

    trainer._finish_round = seen
    trainer.train()
    answers = {one["prompt"]: one["answer"] for one in training.problems()}
    assert len(found) == 2
    branches = 0
    for group in found:
        rows = {row.leaf: row for row in group.rows}
        texts = [
            trainer.processing_class.decode(rows[one].completion_ids, skip_special_tokens=True)
            for one in rows
        ]
        count = len(texts)
        branches += sum(one.request.parent is not None for one in group.leaves)
        expected = length(
            texts, prompts=[group.prompt] * count, answer=[answers[group.prompt]] * count
        )
        assert [group.scores[one].rewards["length"] for one in rows] == pytest.approx(expected)
    assert branches > 0
    # What was said of roots alone isn't reported twice.
    assert trainer.state.log_history[0]["asked"] == logged[-1]
    assert len(logged) == (2 if policy == "top_entropy" else 1)


@pytest.mark.parametrize("keys", [{}, {"fork_policy": "random"}, {"use_token_adaptive": False}])
def test_a_step_may_have_several_rounds(
    tmp_path: Path, extension: Any, keys: dict[str, Any]
) -> None:
    """The rounds differ, though the prompt is the same; metrics are means over them."""
    recorder = Recorder(RunWriter.create(tmp_path / "run", manifest(), b""), pytest.fail)
    sizes = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2}
    trainer = training.trainer(tmp_path, recorder=recorder, steps_per_generation=1, **sizes, **keys)
    trainer.train_dataset = Dataset.from_list(training.problems(1) * 4)
    rounds: list[dict[str, float]] = []
    sampled: list[list[tuple[int, ...]]] = []
    measure, finish = trainer.ledger.finish_round, trainer._finish_round

    def measured(groups: Sequence[PromptGroup], *rest: Any) -> dict[str, float]:
        sampled.append([tuple(one.token_ids) for one in groups[0].segments])
        rounds.append(measure(groups, *rest))
        return rounds[-1]

    def finished(groups: Sequence[PromptGroup], own: dict[str, float], *rest: Any) -> None:
        finish(groups, own, *rest)
        rounds[-1] |= own

    trainer.ledger.finish_round, trainer._finish_round = measured, finished
    trainer.train()
    recorder.close()
    assert len(rounds) == 4
    lines = [line for line in trainer.state.log_history if "grad_norm" in line]
    for line, pair, trees in zip(
        lines, (rounds[:2], rounds[2:]), (sampled[:2], sampled[2:]), strict=True
    ):
        assert trees[0] != trees[1]
        assert line["adaptive/total_rollouts"] == pair[1]["adaptive/total_rollouts"]
        for name in pair[0].keys() & pair[1].keys() - {"adaptive/total_rollouts"}:
            assert line[name] == pytest.approx((pair[0][name] + pair[1][name]) / 2), name
    segments = extension.read(tmp_path / "run")["segments"]
    count = sum(len(trees) for trees in sampled)
    assert sorted(one["segment_id"] for one in segments) == list(range(count))
    first = len(sampled[0]) + len(sampled[1])
    assert [one["step"] for one in segments] == [1] * first + [2] * (count - first)
    assert lines[-1]["adaptive/total_rollouts"] == count


def test_the_first_round_of_a_step_is_as_the_only_one(tmp_path: Path) -> None:
    found: list[list[list[int]]] = []
    for parts in (1, 2):
        trainer = training.trainer(
            tmp_path / str(parts),
            max_steps=1,
            per_device_train_batch_size=8,
            gradient_accumulation_steps=parts,
            steps_per_generation=1,
        )
        finish = trainer._finish_round

        def seen(groups: Sequence[PromptGroup], *rest: Any, finish: Any = finish) -> None:
            found.append([list(one.token_ids) for one in groups[0].segments])
            finish(groups, *rest)

        trainer._finish_round = seen
        trainer.train()
    assert len(found) == 3
    assert found[0] == found[1]
