"""The strategy answers as the vectors say that TypeScript wrote, to the last one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_grpo.strategy import (
    MeasuredSegment,
    RolloutPlan,
    SegmentOutcome,
    StrategyParameters,
    TreeSegment,
    batch_deviation,
    credit_group,
    find_failure,
    reward_deviation,
    reward_mean,
    step_metrics,
    uncertainty_of,
    uncertainty_of_top,
)

VECTORS = json.loads(
    (Path(__file__).parents[2] / "test" / "vectors" / "strategy.json").read_text("utf8")
)


def close(actual: Any, expected: Any) -> None:
    """Deep equality in which numbers may differ by 1e-9."""
    if isinstance(expected, dict):
        assert set(actual) == set(expected)
        for key, value in expected.items():
            close(actual[key], value)
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            close(one, other)
    elif isinstance(expected, float | int) and not isinstance(expected, bool):
        assert actual == pytest.approx(expected, abs=1e-9, rel=0)
    else:
        assert actual == expected


def plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if hasattr(value, "_asdict"):
        return value._asdict()
    return value.tolist() if isinstance(value, np.ndarray) else value


def tree_segments(rows: list[dict[str, Any]]) -> list[TreeSegment]:
    return [TreeSegment(**row) for row in rows]


@pytest.mark.parametrize("case", VECTORS["uncertainty"])
def test_uncertainty(case: dict[str, Any]) -> None:
    close(plain(uncertainty_of(case["logits"])), case["expected"])
    close(plain(uncertainty_of_top(case["top_logprobs"])), case["expected_of_top"])


@pytest.mark.parametrize("case", VECTORS["failure"])
def test_failure(case: dict[str, Any]) -> None:
    inputs = {key: value for key, value in case.items() if key != "expected"}
    close(plain(find_failure(**inputs)), case["expected"])


@pytest.mark.parametrize("case", VECTORS["plan"])
def test_plan(case: dict[str, Any]) -> None:
    numbers = iter(case["random"])
    parameters = StrategyParameters(**case["parameters"])
    plan = RolloutPlan(parameters, case["trees"], lambda: next(numbers))
    close([plain(request) for request in plan.start()], case["started"])
    for report in case["reports"]:
        told = report["outcome"]
        fields = ("segment", "status", "length", "entropy", "reward")
        requests = plan.finished(SegmentOutcome(**{key: told[key] for key in fields}))
        close([plain(request) for request in requests], report["requests"])
    assert plan.done
    assert next(numbers, None) is None, "as many random numbers were drawn"


def test_a_segment_is_reported_once() -> None:
    plan = RolloutPlan(StrategyParameters(), 1, lambda: 0.0)
    plan.start()
    outcome = SegmentOutcome(segment=0, status="complete", length=1, entropy=[0.0], reward=1.0)
    plan.finished(outcome)
    with pytest.raises(ValueError, match="segment 0 is not running"):
        plan.finished(outcome)


@pytest.mark.parametrize("case", VECTORS["credit"])
def test_credit(case: dict[str, Any]) -> None:
    segments = tree_segments(case["segments"])
    credited = credit_group(segments, case["prefix_credit"], case["tree_baseline"], case["scale"])
    close([plain(credit) for credit in credited], case["expected"])
    close(reward_mean(segments), case["reward_mean"])
    close(reward_deviation(segments), case["reward_deviation"])
    groups = [
        tree_segments(other["segments"])
        for other in VECTORS["credit"]
        if other["round"] == case["round"]
    ]
    close(batch_deviation(groups), case["batch_deviation"])


def test_a_child_before_its_parent_is_refused() -> None:
    row = {"fork_at": 2, "length": 1, "status": "complete", "reward": 1.0}
    orphan = [TreeSegment(segment=1, parent=0, **row)]
    with pytest.raises(ValueError, match="comes before its parent"):
        credit_group(orphan, "children", "other_roots", "none")


@pytest.mark.parametrize("case", VECTORS["metrics"])
def test_metrics(case: dict[str, Any]) -> None:
    groups = [[MeasuredSegment(**row) for row in group] for group in case["groups"]]
    close(step_metrics(groups, case["rollouts_before"]), case["expected"])
