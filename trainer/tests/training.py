"""A small real training: TRL on the CPU, the shipped model, sums to work out."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from conftest import BASE
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from adaptive_grpo.training import AdaptiveGRPOConfig, TokenAdaptiveGRPOTrainer


def problems(count: int = 32, seed: int = 0) -> list[dict[str, str]]:
    """Such as 47+8*35-19=, as the shipped model knows them."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        a, b, c, d = (draw.randint(lo, hi) for lo, hi in ((10, 99), (2, 9), (10, 40), (10, 40)))
        found.append({"prompt": f"{a}+{b}*{c}-{d}=", "answer": str(a + b * c - d)})
    return found


def accuracy(completions: list[str], answer: list[str], **_: Any) -> list[float]:
    return [
        float(text.rsplit("#", 1)[-1].strip() == right)
        for text, right in zip(completions, answer, strict=True)
    ]


def length(completion_ids: list[list[int]], **_: Any) -> list[float | None]:
    return [len(ids) / 100 if len(ids) > 1 else None for ids in completion_ids]


def config(directory: Path, **keys: Any) -> AdaptiveGRPOConfig:
    return AdaptiveGRPOConfig(
        **{
            "output_dir": str(directory),
            "per_device_train_batch_size": 16,
            "num_generations": 8,
            "max_completion_length": 64,
            "min_prefix_length": 5,
            "max_steps": 2,
            "learning_rate": 1e-4,
            "lr_scheduler_type": "constant",
            "bf16": False,
            "use_cpu": True,
            "gradient_checkpointing": False,
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            "logging_steps": 1,
            "seed": 7,
            **keys,
        }
    )


def trainer(
    directory: Path, *, recorder: Any = None, peft_config: Any = None, **keys: Any
) -> TokenAdaptiveGRPOTrainer:
    torch.set_num_threads(1)
    return TokenAdaptiveGRPOTrainer(
        recorder=recorder,
        model=AutoModelForCausalLM.from_pretrained(BASE),
        processing_class=AutoTokenizer.from_pretrained(BASE),
        reward_funcs=[accuracy, length],
        args=config(directory, reward_weights=[1.0, 0.1], **keys),
        train_dataset=Dataset.from_list(problems()),
        peft_config=peft_config,
    )
