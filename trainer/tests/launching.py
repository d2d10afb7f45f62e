"""Several processes of one run, on the CPU."""

from __future__ import annotations

import socket
from pathlib import Path

from conftest import ROOT
from process import Trainer

TORCHRUN = (
    *("-m", "torch.distributed.run", "--nproc_per_node", "2"),
    *("--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"),
)


def together(*arguments: str, cwd: Path) -> Trainer:
    """Two processes with DDP. `use_cpu: true` is wanted of the recipe."""
    return Trainer(*arguments, cwd=cwd, prefix=TORCHRUN)


def configured(name: str, *arguments: str, cwd: Path) -> Trainer:
    """Two processes by a configuration of `recipes/accelerate_configs`, started by accelerate."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    config = ROOT / "recipes" / "accelerate_configs" / f"{name}.yaml"
    launch = ("-m", "accelerate.commands.launch", "--config_file", str(config))
    told = ("--num_processes", "2", "--main_process_port", port, "--mixed_precision", "no")
    program = (str(Path(__file__).parent / "on_cpu.py"),)
    return Trainer(*arguments, cwd=cwd, prefix=(*launch, *told), program=program)
