"""What a recipe needs of this machine: looked for before anything is loaded or written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import torch

from ..errors import RecipeError

_PRECISIONS = ("bf16", "fp16", "tf32")
_REPORTERS = {
    name: (name, name)
    for name in ("comet_ml", "mlflow", "swanlab", "tensorboard", "trackio", "wandb")
}
"""By what `report_to` says: the module, and how pip is asked for it."""


def has_accelerator() -> bool:
    """Whether PyTorch sees a GPU or the like."""
    return torch.cuda.is_available() or torch.accelerator.is_available()


def check_machine(written: Mapping[str, Any]) -> None:
    """Refuses what this machine hasn't got and TRL's configuration would stumble over.

    Args:
        written: what the recipe and the command line say, as they say it

    Raises:
        RecipeError: the recipe wants a GPU where there is none, or DeepSpeed
    """
    if written.get("deepspeed"):
        _require("deepspeed", "deepspeed", "trl[deepspeed]")
    if has_accelerator():
        return
    for key in _PRECISIONS:
        if str(written.get(key)).lower() == "true":
            message = f"The recipe wants `{key}`, but PyTorch sees no GPU here."
            raise RecipeError(message, f"Start it where there is one, or set `{key}: false`.")
    attention = str(written.get("attn_implementation"))
    if attention.startswith("flash_attention"):
        raise RecipeError(
            f"The recipe wants `attn_implementation: {attention}`, but PyTorch sees no GPU here.",
            "Start it where there is one, or set `attn_implementation: sdpa`.",
        )


def check_packages(training: Any, model: Any) -> None:
    """Refuses a recipe whose packages are not installed.

    Args:
        training: the recipe's `AdaptiveGRPOConfig`
        model: its `ModelConfig`

    Raises:
        RecipeError: one is missing
    """
    for key, module, install in _packages(training, model):
        _require(key, module, install)


def _require(key: str, module: str, install: str) -> None:
    if find_spec(module) is None:
        raise RecipeError(
            f"`{key}` needs the package {module}, which is not installed.",
            f'Install it: pip install "{install}"',
        )


def _packages(training: Any, model: Any) -> Iterator[tuple[str, str, str]]:
    if training.use_vllm:
        yield "use_vllm: true", "vllm", "trl[vllm]"
    if training.use_liger_kernel:
        yield "use_liger_kernel: true", "liger_kernel", "trl[liger]"
    if model.use_peft:
        yield "use_peft: true", "peft", "trl[peft]"
    for key in ("load_in_4bit", "load_in_8bit"):
        if getattr(model, key):
            yield f"{key}: true", "bitsandbytes", "bitsandbytes"
    if model.attn_implementation == "flash_attention_2":
        yield "attn_implementation: flash_attention_2", "flash_attn", "flash-attn"
    for name in training.report_to:
        if name in _REPORTERS:
            yield f"report_to: {name}", *_REPORTERS[name]
