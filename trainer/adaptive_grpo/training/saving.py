"""Checkpoints that may not fit on the disk, on all processes alike.

TRL and accelerate gather parameters and optimizer state from all processes and then write them on
some. Were an error of the disk to leave that in the middle, the other processes would wait for
ever in the next gathering. So each part is tried, what went wrong is kept, and in the end all
processes agree on whether the checkpoint is there.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from transformers.trainer_utils import rotate_checkpoints

from ..errors import PlainError
from .sharing import any_process, gathered

_WRITERS = (
    *("PytorchStreamWriter", "inline_container", "iostream error", "No space left"),
    *("Parent directory", "cannot be opened"),
)
"""PyTorch says nothing more special than RuntimeError when it can't write a file."""


class CheckpointError(PlainError):
    """A checkpoint could not be written; nothing of it is left behind. Raised on all processes."""


class Saving:
    """One on every process."""

    def __init__(self) -> None:
        self._problem: str | None = None
        self._writing = False
        self._name = ""
        self._size = 0
        """Bytes of the last checkpoint here."""

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """A part of a checkpoint is written: an error of the disk is kept for `agree`.

        Outside of a checkpoint it is raised as it is.
        """
        try:
            yield
        except (OSError, SafetensorError, RuntimeError) as error:
            if not self._writing or not _of_disk(error):
                raise
            reason = error.strerror if isinstance(error, OSError) else None
            self._problem = self._problem or reason or str(error).splitlines()[0]

    @property
    def fails(self) -> bool:
        """Whether something could not be written here."""
        return self._problem is not None

    def begin(self, accelerator: Accelerator, checkpoint: Path, model: torch.nn.Module) -> None:
        """Looks first whether there is room; where writing itself gathers, that is worth most.

        Args:
            accelerator: of the processes
            checkpoint: the folder that is to be written
            model: what is trained; its trainable parameters are the least that is written

        Raises:
            CheckpointError: there is certainly no room, on some process's disk
        """
        self._problem, self._name, self._writing = None, checkpoint.name, True
        own = [p.to_local() if hasattr(p, "to_local") else p for p in model.parameters()]
        least = sum(p.numel() * p.element_size() for p in own if p.requires_grad)
        with self.part():
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(checkpoint.parent).free
            if free < max(least, self._size):
                self._problem = f"{_megabytes(free)} are free, and it takes more"
        self._raise_together(accelerator)

    def agree(self, accelerator: Accelerator, checkpoint: Path, *, cleans: bool) -> None:
        """All processes have written their parts.

        Args:
            accelerator: of the processes
            checkpoint: the folder
            cleans: whether this process removes what is left of a checkpoint that isn't all there

        Raises:
            CheckpointError: a process could not write its part
        """
        self._writing = False
        lost = any_process(accelerator, self.fails)
        if lost and cleans:
            shutil.rmtree(checkpoint, ignore_errors=True)
        elif not lost:
            with contextlib.suppress(OSError):
                files = (one for one in checkpoint.rglob("*") if one.is_file())
                self._size = sum(one.stat().st_size for one in files)
        self._raise_together(accelerator)

    def _raise_together(self, accelerator: Accelerator) -> None:
        if not any_process(accelerator, self.fails):
            return
        self._writing = False
        problems = gathered([self._problem])
        reason = next(one for one in problems if one is not None)
        raise CheckpointError(
            f"{self._name} could not be written: {reason}.",
            "Free some space, or choose another output_dir, and resume from the last checkpoint.",
        )


def remove_older(home: Path, limit: int | None, best: str | None) -> str | None:
    """Removes the checkpoints above `save_total_limit`, the oldest first.

    Args:
        home: their folder
        limit: how many may stay; None or 0: all
        best: one that stays in any case, and so does the newest

    Returns:
        A sentence where some could not be removed: the newest is all there, so the run goes on.
    """
    reason = ""
    try:
        rotate_checkpoints(str(home), limit, best_model_checkpoint=best, use_mtime=True)
    except OSError as error:
        reason = f": {error.strerror}"
    # What can't be removed is passed over there without a word.
    left = sum(one.is_dir() for one in home.glob("checkpoint-*"))
    if not limit or limit < 0 or left <= max(limit, 1 if best is None else 2):
        return None
    return f"Older checkpoints in {home} could not be removed{reason}. The run goes on."


def _of_disk(error: Exception) -> bool:
    if isinstance(error, OSError):
        # Those of the network have no number, or are of a connection.
        return error.errno is not None and not isinstance(error, ConnectionError | TimeoutError)
    told = str(error)
    return isinstance(error, SafetensorError) or any(words in told for words in _WRITERS)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
