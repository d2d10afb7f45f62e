"""A disk that is too small for checkpoints: a real one, a tmpfs."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from conftest import Extension
from launching import configured
from process import Trainer, events, until, write_recipe

from adaptive_grpo.training.saving import CheckpointError, Saving, remove_older

Disk = Callable[[str], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mounts one of a given size."""
    made: list[Path] = []

    def mount(size: str) -> Path:
        if sys.platform != "linux" or os.geteuid() != 0:
            pytest.skip("a small disk is a tmpfs mount, which takes root on Linux")
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(command, check=False).returncode != 0:
            pytest.skip("mounting a tmpfs is not allowed here")
        made.append(folder)
        return folder

    yield mount
    for one in made:
        subprocess.run(["umount", "--lazy", str(one)], check=True)


def lost(directory: Path) -> list[str]:
    return [one["message"] for one in events(directory) if one.get("code") == "checkpoint_lost"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Connection closed by peer"),
        torch.OutOfMemoryError(),
        ConnectionResetError(104),
    ],
)
def test_what_is_not_the_disks_fault_is_not_taken_for_it(tmp_path: Path, error: Exception) -> None:
    saving, accelerator = Saving(), Accelerator(cpu=True)
    saving.begin(accelerator, tmp_path / "checkpoint-1", torch.nn.Linear(1, 1))
    with pytest.raises(type(error)), saving.part():
        raise error
    full = OSError(errno.ENOSPC, "No space left on device")
    with saving.part():
        raise full
    with pytest.raises(CheckpointError, match="checkpoint-1 could not be written: No space left"):
        saving.agree(accelerator, tmp_path / "checkpoint-1", cleans=True)
    with pytest.raises(OSError, match="No space"), saving.part():
        raise full


@pytest.mark.skipif(os.name == "nt", reason="makes a link")
def test_an_older_checkpoint_that_can_not_be_removed_is_said(tmp_path: Path) -> None:
    """Such as one that somebody has moved to another disk, with a link in its place."""
    (tmp_path / "elsewhere").mkdir()
    home = tmp_path / "checkpoints"
    for step in (1, 3, 4):
        (home / f"checkpoint-{step}").mkdir(parents=True)
    assert remove_older(home, None, None) is None
    assert remove_older(home, 1, str(home / "checkpoint-1")) is None
    assert sorted(one.name[-1] for one in home.iterdir()) == ["1", "4"]
    (home / "checkpoint-2").symlink_to(tmp_path / "elsewhere")
    told = f"Older checkpoints in {home} could not be removed. The run goes on."
    os.utime(home / "checkpoint-4", (2e9, 2e9))
    assert remove_older(home, 1, None) == told
    assert (home / "checkpoint-4").is_dir()


def test_checkpoints_are_lost_while_the_disk_is_full_and_training_goes_on(
    tmp_path: Path, disk: Disk, extension: Extension
) -> None:
    """The first fits; while there is no room, the older one stays; then there is room again."""
    folder = disk("24m")
    recipe = write_recipe(tmp_path, max_steps=1000, save_steps=1, save_total_limit=1)
    directory = folder / "run"
    trainer = Trainer(str(recipe), "--output_dir", str(directory), cwd=tmp_path)
    try:
        until(directory, "checkpoint", 1)
        filler = folder / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(1 << 25))
        # Some room for the log, which is small.
        os.truncate(filler, filler.stat().st_size - (1 << 20))
        until(directory, "warning", 2)
        kept = [one.name for one in (directory / "checkpoints").glob("checkpoint-*")]
        steps = sum(one["type"] == "step" for one in events(directory))
        until(directory, "step", steps + 1)
        filler.unlink()
        saved = sum(one["type"] == "checkpoint" for one in events(directory))
        until(directory, "checkpoint", saved + 2)
        trainer.process.terminate()
        code, _, err = trainer.end()
    finally:
        trainer.kill()
    assert code == 0, err
    assert len(kept) == 1, "the last whole checkpoint is not given up for one that isn't there"
    assert "could not be written" in lost(directory)[0]
    assert "Training goes on." in lost(directory)[0]
    assert len(list((directory / "checkpoints").glob("checkpoint-*"))) == 1
    found = extension.read(directory)
    assert found["problems"] == []
    assert [one["step"] for one in found["steps"]] == list(range(1, len(found["steps"]) + 1))


def test_a_checkpoint_that_does_not_fit_leaves_nothing_and_nobody_behind(
    tmp_path: Path, disk: Disk, extension: Extension
) -> None:
    """Two processes with FSDP: the weights fit, the optimizer's state doesn't.

    Then all are in the middle of gathering it. With `top_entropy` they also wait for each other in
    the middle of a round, to place forks.
    """
    directory = disk("3m") / "run"
    recipe = write_recipe(tmp_path, max_steps=2, save_steps=1, fork_policy="top_entropy")
    trainer = configured("fsdp2", str(recipe), "--output_dir", str(directory), cwd=tmp_path)
    try:
        code, _, err = trainer.end()
    finally:
        trainer.kill()
    assert code == 1
    assert "checkpoint-2 could not be written" in err
    found = extension.read(directory)
    assert [one["step"] for one in found["steps"]] == [1, 2], "training went on after the first"
    forked = [one["parent_id"] is not None for one in found["segments"]]
    assert forked.count(True) == forked.count(False), "half of the completions are branches"
    assert [one.partition(" ")[0] for one in lost(directory)] == ["checkpoint-1", "checkpoint-2"]
    last = events(directory)[-1]
    assert (last["type"], last["next"][:5]) == ("run_failed", "Free ")
    assert list((directory / "checkpoints").glob("checkpoint-*")) == []
