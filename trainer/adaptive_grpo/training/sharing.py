"""What processes tell each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

T = TypeVar("T")


def gathered(values: list[T]) -> list[T]:
    """The lists of all processes, one after another, on every process."""
    found: list[T] = gather_object(values)
    return found


def total(accelerator: Accelerator, values: list[float]) -> list[float]:
    """Sums over all processes."""
    own = torch.tensor([values], dtype=torch.float64, device=accelerator.device)
    sums: list[float] = accelerator.gather(own).sum(0).tolist()
    return sums


def largest(accelerator: Accelerator, value: int) -> int:
    """The largest of all processes' values."""
    own = torch.tensor([value], device=accelerator.device)
    return int(accelerator.gather(own).max())


def shards_parameters(accelerator: Accelerator) -> bool:
    """Whether no process has all parameters, so that all must call the model equally often."""
    state: Any = accelerator.state
    zero = getattr(state, "deepspeed_plugin", None)
    sharded = getattr(state, "fsdp_plugin", None) is not None
    return accelerator.num_processes > 1 and (
        sharded or (zero is not None and zero.zero_stage == 3)
    )


def busy_together(accelerator: Accelerator) -> Callable[[bool], bool]:
    """Whether any process is busy, told from whether this one is."""
    if not shards_parameters(accelerator):
        return lambda busy: busy
    return lambda busy: largest(accelerator, int(busy)) > 0
