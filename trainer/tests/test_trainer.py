"""TRL's own loop over trees, for a few real steps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import training
from peft import LoraConfig
from test_run_directory import manifest
from trl import GRPOTrainer

from adaptive_grpo.errors import RecipeError
from adaptive_grpo.run import Recorder, RunWriter
from adaptive_grpo.strategy import StrategyParameters


def logged(trainer: GRPOTrainer) -> list[dict[str, float]]:
    return [line for line in trainer.state.log_history if "grad_norm" in line]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"fork_policy": "top_entropy", "loss_type": "grpo", "scale_rewards": "batch"},
        {"fork_policy": "random", "loss_type": "bnpo", "tree_baseline": "siblings"},
        {"prefix_credit": "stub", "loss_type": "dr_grpo", "scale_rewards": "none", "beta": 0.04},
        {"prefix_credit": "mask", "gradient_accumulation_steps": 2, "num_iterations": 2},
    ],
    ids=["first_failure", "top_entropy", "random", "stub", "mask"],
)
def test_trees_train(tmp_path: Path, keys: dict[str, Any]) -> None:
    trainer = training.trainer(tmp_path, **keys)
    before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
    trainer.train()
    after = list(trainer.model.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    lines = logged(trainer)
    assert [line["step"] for line in lines] == [1, 2]
    for line in lines:
        assert math.isfinite(line["loss"])
        assert 0 < line["grad_norm"] < 100
    first = lines[0]
    assert 0 <= first["adaptive/truncation_rate"] < 1
    assert 0 < first["adaptive/resample_rate"] < 1
    assert 0.3 < first["adaptive/importance_ess"] <= 1
    assert first["tokens/reused"] > 0
    assert first["tokens/trained"] > 0
    assert first["rewards/length"] == pytest.approx(first["completions/mean_length"] / 100, rel=0.3)
    assert (first["adaptive/truncation_rate"] > 0) == (keys.get("fork_policy") is None)
    if "num_iterations" not in keys and "prefix_credit" not in keys:
        # Every sampled token of an answered path is trained, and once.
        assert first["tokens/trained"] == first["tokens/generated"]


def test_an_adapter_trains_with_activations_computed_again(tmp_path: Path) -> None:
    lora = LoraConfig(r=4, target_modules="all-linear", lora_dropout=0.1, task_type="CAUSAL_LM")
    keys = {"gradient_checkpointing": True, "beta": 0.02}
    trainer = training.trainer(tmp_path, peft_config=lora, **keys)
    trainer.train()
    assert trainer.model.training
    trained = [name for name, one in trainer.model.named_parameters() if one.requires_grad]
    assert trained
    assert all("lora" in name for name in trained)
    for line in logged(trainer):
        assert line["grad_norm"] > 0
        assert line["tokens/reused"] > 0
        assert line["kl"] >= 0


@pytest.mark.parametrize("policy", ["first_failure", "top_entropy"])
def test_what_rewards_log_of_a_completion_stays_beside_it(tmp_path: Path, policy: str) -> None:
    keys = {"fork_policy": policy, "log_completions": True, "max_steps": 1}
    # Nothing is unsure: half of the places are only filled.
    sure = {"uncertainty_threshold": 0.0, "entropy_threshold": 99.0}
    trainer = training.trainer(tmp_path, **keys, **(sure if policy == "first_failure" else {}))

    def said(completions: list[str], log_extra: Any, **_: Any) -> list[float]:
        log_extra("said", list(completions))
        return [float(len(one)) for one in completions]

    trainer.reward_funcs[1] = said
    trainer.train()
    (table,) = (tmp_path / "completions").glob("*.parquet")
    rows = pd.read_parquet(table)
    assert len(rows) == 16
    filled = rows["said"].isna()
    assert filled.sum() == (8 if policy == "first_failure" else 0)
    assert (rows["said"] == rows["completion"])[~filled].all()


@pytest.mark.parametrize("loss_type", ["dapo", "grpo"])
def test_a_step_says_the_same_in_parts(tmp_path: Path, loss_type: str) -> None:
    """Whose parts are rows that share a prefix, or that only fill a place."""
    lines = []
    for parts in (1, 16):
        sizes = {"gradient_accumulation_steps": parts, "per_device_train_batch_size": 16 // parts}
        keys = {"loss_type": loss_type, "max_steps": 1, "uncertainty_threshold": 0.9, **sizes}
        trainer = training.trainer(tmp_path / str(parts), **keys)
        trainer.train()
        lines += logged(trainer)
    for name in ("grad_norm", "entropy", "clip_ratio", "tokens/trained"):
        assert lines[0][name] == pytest.approx(lines[1][name], rel=1e-4), name


def test_off_is_trls_own_grpo(tmp_path: Path) -> None:
    """The same numbers, to the last digit, as TRL's class makes of the same configuration."""
    ours = training.trainer(tmp_path / "ours", use_token_adaptive=False)
    ours.train()
    args = training.config(tmp_path / "trl", use_token_adaptive=False, reward_weights=[1.0, 0.1])
    twin = training.trainer(tmp_path / "twin", use_token_adaptive=False)
    theirs = GRPOTrainer(
        model=training.AutoModelForCausalLM.from_pretrained(training.BASE),
        processing_class=twin.processing_class,
        reward_funcs=[training.accuracy, training.length],
        args=args,
        train_dataset=twin.train_dataset,
    )
    theirs.train()
    for mine, other in zip(logged(ours), logged(theirs), strict=True):
        for name in ("loss", "grad_norm", "entropy", "num_tokens", "rewards/accuracy/mean"):
            assert mine[name] == other[name], name
        assert mine["tokens/reused"] == 0
        assert mine["adaptive/truncation_rate"] == 0
    assert logged(ours)[-1]["tokens/generated"] == pytest.approx(
        sum(line["completions/mean_length"] * 16 for line in logged(theirs))
    )


@pytest.mark.parametrize("adaptive", [True, False])
def test_what_was_generated_is_recorded(tmp_path: Path, extension: Any, adaptive: bool) -> None:
    directory = tmp_path / "run"
    recorder = Recorder(RunWriter.create(directory, manifest(), b""), pytest.fail)
    keys = {"use_token_adaptive": adaptive, "beta": 0.04}
    trainer = training.trainer(tmp_path, recorder=recorder, **keys)
    trainer.train()
    recorder.close()
    found = extension.read(directory)
    segments = found["segments"]
    tokenizer = trainer.processing_class
    assert {segment["step"] for segment in segments} == {1, 2}
    generated = sum(len(segment["tokens"]["token_ids"]) for segment in segments)
    assert generated == logged(trainer)[-1]["tokens/generated"]
    assert sum(segment["fork_at"] for segment in segments) == logged(trainer)[-1]["tokens/reused"]
    for segment in segments:
        tokens = segment["tokens"]
        ids = tokens["token_ids"]
        assert tokens["text"] == tokenizer.decode(ids, skip_special_tokens=True)
        assert tokens["token_ends"][-1] == len(tokens["text"])
        assert all(value <= 0 for value in tokens["logprob"])
        assert all(0 < value <= 1 for value in tokens["max_prob"])
        if adaptive and segment["step"] == 1 and segment["trained"]:
            # Before the first update the reference is the policy itself.
            at_recipe = tokens["train_logprob"] or tokens["logprob"]
            assert tokens["ref_logprob"] == pytest.approx(at_recipe, abs=2e-4)
        if segment["status"] != "truncated":
            assert set(segment["rewards"]) == {"accuracy", "length"}
            weighed = segment["rewards"]["accuracy"] + 0.1 * segment["rewards"]["length"]
            assert segment["reward"] == pytest.approx(weighed, rel=1e-5)
    assert any(segment["status"] == "truncated" for segment in segments) == adaptive
    # The first step's update has advantage > 0 where the reward is above the others'.
    advantages = [value for one in segments for value in one["tokens"]["advantage"]]
    assert min(advantages) < 0 < max(advantages)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"loss_type": "sapo"}, "`loss_type: sapo` doesn't go together"),
        ({"top_p": 0.9}, "`top_p: 0.9` doesn't go together"),
        ({"mask_truncated_completions": True}, "doesn't go together"),
        ({"max_resamples_per_prefix": 0}, "never go on"),
        ({"num_roots": 9}, "`num_roots` is 9 for 8"),
        ({"uncertainty_threshold": 1.5}, "`uncertainty_threshold` is 1.5"),
        ({"fork_policy": "best"}, "`fork_policy: best` is not known"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, keys: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as error:
        training.config(tmp_path, **keys)
    assert error.value.next_step.endswith(".")


def test_half_of_the_completions_are_roots_unless_said(tmp_path: Path) -> None:
    assert training.config(tmp_path).strategy == StrategyParameters(
        num_generations=8, num_roots=4, min_prefix_length=5
    )
    assert training.config(tmp_path, num_roots=6).strategy.num_roots == 6
    odd = training.config(tmp_path, num_generations=5, per_device_train_batch_size=5)
    assert odd.strategy.num_roots == 2, "as the built-in engine has it"
