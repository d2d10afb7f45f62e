"""What processes tell each other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import gather_object

T = TypeVar("T")

_FAILURE = "adaptive_grpo/failure"


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


def any_process(accelerator: Accelerator, here: bool) -> bool:
    """Whether it is so on any process."""
    return largest(accelerator, int(here)) > 0 if accelerator.num_processes > 1 else here


def spread_over(accelerator: Accelerator) -> str | None:
    """What spreads parts of the training state over processes, and so names a checkpoint's layout.

    Returns:
        `fsdp`, `zero1`, `zero2`, `zero3`, or None where every process has everything
    """
    state: Any = accelerator.state
    zero = getattr(state, "deepspeed_plugin", None)
    if zero is not None:
        return f"zero{zero.zero_stage}"
    return None if getattr(state, "fsdp_plugin", None) is None else "fsdp"


def tell_failure(processes: Accelerator | PartialState, message: str) -> None:
    """Leaves word for the other processes, who wait for this one in vain; the first one counts."""
    if torch.distributed.is_initialized():
        with contextlib.suppress(RuntimeError):
            said = f"Process {processes.process_index} failed: {message}"
            _store().compare_set(_FAILURE, "", said)


def failure_of_another(processes: Accelerator | PartialState) -> str | None:
    """What another process said before it was gone."""
    if not torch.distributed.is_initialized():
        return None
    with contextlib.suppress(RuntimeError):
        if _store().check([_FAILURE]):
            said = str(_store().get(_FAILURE).decode())
            return None if said.startswith(f"Process {processes.process_index} ") else said
    return None


def _store() -> Any:
    # PyTorch has no public name for the store that its launchers share.
    return torch.distributed.distributed_c10d._get_default_store()


def shards_parameters(accelerator: Accelerator) -> bool:
    """Whether no process has all parameters, so that all must call the model equally often."""
    return accelerator.num_processes > 1 and spread_over(accelerator) in ("fsdp", "zero3")


def busy_together(accelerator: Accelerator) -> Callable[[bool], bool]:
    """Whether any process is busy, told from whether this one is."""
    if not shards_parameters(accelerator):
        return lambda busy: busy
    return lambda busy: any_process(accelerator, busy)
