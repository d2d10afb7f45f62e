"""What a run had come to at a checkpoint, and who wrote it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from ..errors import PlainError
from .ledger import Ledger
from .sharing import spread_over

STATE = "adaptive_grpo_state.json"
"""Beside a checkpoint. It is written last: without it, the checkpoint isn't all there."""

_KINDS = {
    None: "without FSDP and DeepSpeed",
    "fsdp": "with FSDP",
    "zero1": "with DeepSpeed ZeRO-1",
    "zero2": "with DeepSpeed ZeRO-2",
    "zero3": "with DeepSpeed ZeRO-3",
}


def write_state(checkpoint: Path, step: int, ledger: Ledger, accelerator: Accelerator) -> None:
    """Says it beside a checkpoint, on the main process.

    Raises:
        OSError: it can't be written
    """
    if ledger.recorder is None:
        return
    known = {
        "step": step,
        "rollouts_bytes": ledger.recorder.writer.rollouts_size,
        "counters": asdict(ledger.counters),
        "processes": accelerator.num_processes,
        "spread_over": spread_over(accelerator),
    }
    (checkpoint / STATE).write_text(json.dumps(known, indent=2), "utf8")


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Reads it.

    Raises:
        PlainError: the folder isn't a checkpoint of this trainer
    """
    try:
        state: dict[str, Any] = json.loads((checkpoint / STATE).read_text("utf8"))
        if "step" not in state:
            # Checkpoints of the first version have it in their name only.
            state["step"] = int(checkpoint.name.rpartition("-")[2])
        int(state["step"]), int(state["rollouts_bytes"]), dict(state["counters"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = f"{checkpoint} is not a checkpoint that a run can go on from."
        step = "Name a folder `checkpoints/checkpoint-N` of a run, or start from its model."
        raise PlainError(message, step) from error
    return state


def check_layout(state: dict[str, Any], accelerator: Accelerator) -> None:
    """Whether these processes can take up what was written by those.

    Full parameters go on with any number of processes, and so does FSDP; DeepSpeed's parts belong
    to as many processes as wrote them.

    Raises:
        PlainError: they can't
    """
    if "spread_over" not in state:
        return
    before, now = state["spread_over"], spread_over(accelerator)
    processes = state["processes"]
    of_deepspeed = str(before).startswith("zero")
    if before == now and (not of_deepspeed or processes == accelerator.num_processes):
        return
    here = f"{_KINDS[now]} on {_processes(accelerator.num_processes)}"
    there = f"{_KINDS[before]} on {_processes(processes)}"
    raise PlainError(
        f"The checkpoint was written {there}, which can't go on {here}.",
        "Start it as it was started before, or begin a new run with the checkpoint's folder as "
        "`model_name_or_path`.",
    )


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"
