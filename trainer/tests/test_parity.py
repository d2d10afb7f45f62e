"""One fixed batch through TRL's loss is what the built-in engine's loss was pinned to.

The fixtures are written by `scripts/make-oracle.py`; `test/unit/engine/compute/oracle.test.ts`
holds the built-in engine to the same numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import training
from conftest import ROOT
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from adaptive_grpo.training import TokenAdaptiveGRPOTrainer
from adaptive_grpo.training.rows import CompletionRow, Part
from adaptive_grpo.training.tensors import tree_tensors

ORACLE = ROOT / "test" / "fixtures" / "oracle"
FIXTURES = {
    name: json.loads((ORACLE / f"loss-{name}.json").read_text("utf8")) for name in ("plain", "tree")
}
CASES = [
    pytest.param(name, case, id="-".join([name, case["options"]["loss_type"], str(number)]))
    for name, fixture in FIXTURES.items()
    for number, case in enumerate(fixture["cases"])
]


def row_of(number: int, row: dict[str, Any]) -> CompletionRow:
    return CompletionRow(
        leaf=number,
        parts=[Part(number, 0, len(row["completion_ids"]))],
        completion_ids=np.array(row["completion_ids"], np.int32),
        advantage=np.array(row["advantage"]),
        weight=np.array(row["weight"]),
        mass=row["mass"],
        train_logprob=np.array(row["train_logprob"], np.float32),
        behaviour_logprob=np.array(row["behaviour_logprob"], np.float32),
    )


def padded(lists: list[list[float]], dtype: torch.dtype, left: bool = False) -> torch.Tensor:
    width = max(map(len, lists))
    rows = [
        [0] * (width - len(one)) + one if left else one + [0] * (width - len(one)) for one in lists
    ]
    return torch.tensor(rows, dtype=dtype)


def trainer_with(directory: Path, options: dict[str, Any]) -> TokenAdaptiveGRPOTrainer:
    keys = ("epsilon", "epsilon_high", "temperature", "loss_type", "beta", "max_completion_length")
    args = training.config(
        directory,
        **{key: options[key] for key in keys},
        per_device_train_batch_size=options["per_device_train_batch_size"],
        gradient_accumulation_steps=2,
        num_generations=2,
        # TRL's default weighs the divergence by the probability ratio; the built-in engine doesn't.
        use_bias_correction_kl=False,
    )
    trainer = TokenAdaptiveGRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(ORACLE / "untied"),
        processing_class=AutoTokenizer.from_pretrained(ORACLE / "tied"),
        reward_funcs=[training.accuracy],
        args=args,
        train_dataset=Dataset.from_list(training.problems(4)),
    )
    trainer.current_gradient_accumulation_steps = 2
    return trainer


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_loss_is_the_built_in_engines(tmp_path: Path, name: str, case: dict[str, Any]) -> None:
    rows = FIXTURES[name]["rows"]
    options = case["options"]
    trainer = trainer_with(tmp_path, options)
    trainer.model.train()
    prompts = [row["prompt_ids"] for row in rows]
    completions = [row["completion_ids"] for row in rows]
    batch: dict[str, Any] = {
        "prompt_ids": padded(prompts, torch.long, left=True),
        "prompt_mask": padded([[1] * len(one) for one in prompts], torch.long, left=True),
        "completion_ids": padded(completions, torch.long),
        "completion_mask": padded([[1] * len(one) for one in completions], torch.long),
    }
    if options["use_old_logprob"]:
        olds = [row["train_logprob"] for row in rows]
        batch["old_per_token_logps"] = padded(olds, torch.float32)
    if options["beta"] > 0:
        references = [row["ref_logprob"] for row in rows]
        batch["ref_per_token_logps"] = padded(references, torch.float32)
    made = [row_of(number, row) for number, row in enumerate(rows)]
    sums = [sum(row.weight.sum() for row in made), sum(row.mass for row in made), len(made)]
    batch |= tree_tensors(
        made,
        tuple(batch["completion_ids"].shape),
        loss_type=options["loss_type"],
        importance_clip=options["importance_clip"],
        totals=sums,
        device=torch.device("cpu"),
    )
    loss = 0.0
    for start in (0, 2):
        chunk = {
            key: value if value.ndim == 0 else value[start : start + 2]
            for key, value in batch.items()
        }
        part = trainer._compute_loss(trainer.model, chunk)
        part.backward()
        loss += part.item()
    gradient = dict(trainer.model.named_parameters())
    values = {name: gradient[name].grad.flatten().double() for name in case["gradient"]}
    apart = max(
        float(np.abs(values[name][::37].numpy() - np.array(expected["samples"])).max())
        for name, expected in case["gradient"].items()
    )
    norms = max(
        abs(values[name].norm().item() / expected["norm"] - 1)
        for name, expected in case["gradient"].items()
        if expected["norm"] > 1e-6
    )
    # `pytest -s tests/test_parity.py` prints the figures.
    print(
        f"\n{name:5} {options['loss_type']:7} beta {options['beta']:<4} "
        f"loss {loss:+.6f}, apart {abs(loss - case['loss']):.1e}; gradient values {apart:.1e}, "
        f"norms {norms:.1e} of themselves",
        end="",
    )
    assert loss == pytest.approx(case["loss"], abs=1e-4)
    assert apart < 1e-4
    assert norms < 1e-4


DAPO = json.loads((ROOT / "test" / "vectors" / "dapo.json").read_text("utf8"))


@pytest.mark.parametrize("case", DAPO)
def test_dapo_shares_its_denominator_as_the_shared_vectors(
    tmp_path: Path, case: dict[str, Any]
) -> None:
    sizes = ("per_device_train_batch_size", "gradient_accumulation_steps", "steps_per_generation")
    each, accumulation, _ = (case[name] for name in sizes)
    trainer = TokenAdaptiveGRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(ORACLE / "untied"),
        processing_class=AutoTokenizer.from_pretrained(ORACLE / "tied"),
        reward_funcs=[training.accuracy],
        args=training.config(
            tmp_path, loss_type="dapo", num_generations=2, **{name: case[name] for name in sizes}
        ),
        train_dataset=Dataset.from_list(training.problems(4)),
    )
    trainer.current_gradient_accumulation_steps = accumulation
    trainer.model.train()
    lengths = [len(one["weight"]) for one in case["rows"]]
    none = np.zeros(0, np.float32)
    rows = [
        CompletionRow(
            leaf=number,
            parts=[Part(number, 0, length)],
            completion_ids=np.arange(3, 3 + length, dtype=np.int32),
            advantage=np.array(one["advantage"]),
            weight=np.array(one["weight"]),
            mass=1.0,
            train_logprob=none,
            behaviour_logprob=none,
        )
        for number, (one, length) in enumerate(zip(case["rows"], lengths, strict=True))
    ]
    batch: dict[str, Any] = {
        "prompt_ids": torch.full((len(rows), 2), 5),
        "prompt_mask": torch.ones(len(rows), 2, dtype=torch.long),
        "completion_ids": padded([row.completion_ids.tolist() for row in rows], torch.long),
        "completion_mask": padded([[1] * length for length in lengths], torch.long),
    }
    weight = sum(float(row.weight.sum()) for row in rows)
    batch |= tree_tensors(
        rows,
        tuple(batch["completion_ids"].shape),
        loss_type="dapo",
        importance_clip=None,
        totals=[weight, len(rows), len(rows)],
        device=torch.device("cpu"),
    )
    losses = [0.0] * len(case["losses"])
    for number in range(len(rows) // each):
        chunk = {
            key: value if value.ndim == 0 else value[number * each : (number + 1) * each]
            for key, value in batch.items()
        }
        # Every ratio is 1: the loss is the weighted advantage, whatever the model.
        losses[number // accumulation] += trainer._compute_loss(trainer.model, chunk).item()
    assert losses == pytest.approx(case["losses"], abs=1e-6)
