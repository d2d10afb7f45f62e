"""Generation rounds as TRL asks for them: scored at once, one or several a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import training

from adaptive_grpo.rewards import RewardOptions, reward_functions
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
