"""How runs end that are told to, or that can't go on: on one process and on two."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from launching import together
from process import Trainer, events, until, write_recipe
from safetensors.torch import load_file
from test_processes import GO_ON

from adaptive_grpo import cli
from adaptive_grpo.training.state import STATE


@pytest.fixture
def started() -> Iterator[list[Trainer]]:
    trainers: list[Trainer] = []
    yield trainers
    for trainer in trainers:
        trainer.kill()


def ranks(launcher: int) -> dict[int, int]:
    """The process ids that a launcher has started, by rank."""
    found: dict[int, int] = {}
    for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
        settings = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        rank = next((one[5:] for one in settings if one.startswith(b"RANK=")), None)
        if rank is not None:
            found[int(rank)] = int(child)
    return found


def stopped(trainer: Trainer, out: str, directory: Path, began: float) -> int:
    """It ended cleanly, soon enough, with a checkpoint; returns its step."""
    assert time.monotonic() - began < 25, "no launcher had to kill anyone"
    assert "Stopped. It can go on with --resume_from_checkpoint true." in out
    *_, saved, last = events(directory)
    assert [saved["type"], last["type"], last["reason"]] == [
        "checkpoint",
        "run_finished",
        "stopped",
    ]
    assert (directory / "checkpoints" / f"checkpoint-{saved['step']}" / STATE).exists()
    assert trainer.process.poll() is not None
    return int(saved["step"])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc of Linux")
def test_a_signal_to_any_process_ends_all_with_a_checkpoint(
    tmp_path: Path, started: list[Trainer]
) -> None:
    recipe = write_recipe(tmp_path, max_steps=100000, save_steps=100000, use_cpu=True)
    directory = tmp_path / "run"
    trainer = together(str(recipe), "--output_dir", str(directory), cwd=tmp_path)
    started.append(trainer)
    until(directory, "step", 2)
    processes = ranks(trainer.process.pid)
    assert sorted(processes) == [0, 1]
    began = time.monotonic()
    os.kill(processes[1], signal.SIGUSR1)
    code, out, err = trainer.end()
    assert code == 0, err
    stopped(trainer, out, directory, began)
    assert not any(Path(f"/proc/{one}").exists() for one in processes.values())


def test_an_adapter_on_two_processes_told_to_end_goes_on_with_one(
    tmp_path: Path, started: list[Trainer]
) -> None:
    """SIGTERM to the launcher, which passes it on; with activations computed again."""
    keys = {"save_steps": 100000, "lr_scheduler_type": "constant", "use_cpu": True, "beta": 0.02}
    lora = {"use_peft": True, "lora_r": 4, "lora_target_modules": "all-linear"}
    recipe = write_recipe(tmp_path, **keys, **lora, max_steps=100000, gradient_checkpointing=True)
    directory = tmp_path / "run"
    told = (str(recipe), "--output_dir", str(directory))
    trainer = together(*told, cwd=tmp_path)
    started.append(trainer)
    until(directory, "step", 2)
    began = time.monotonic()
    trainer.process.terminate()
    _, out, _ = trainer.end()  # torchrun calls it a failure to have been told to end
    step = stopped(trainer, out, directory, began)
    again = Trainer(*told, *GO_ON, "--max_steps", str(step + 1), cwd=tmp_path)
    started.append(again)
    code, _, err = again.end()
    assert code == 0, err
    before, after = (
        load_file(directory / "checkpoints" / f"checkpoint-{one}" / "adapter_model.safetensors")
        for one in (step, step + 1)
    )
    assert before.keys() == after.keys()
    assert all("lora_" in name for name in before)
    moved = [float((after[name] - one).abs().max()) for name, one in before.items()]
    assert 0 < max(moved) < 1e-3, "it went on from there, by one step"


def test_what_another_process_failed_of_is_said_by_the_run(
    tmp_path: Path, started: list[Trainer]
) -> None:
    (tmp_path / "mine.py").write_text(
        "import os\n"
        "def f(completions, **kw):\n"
        "    return [1 / int(os.environ['RANK'] == '0') for _ in completions]\n"
    )
    keys = {"reward_funcs": ["mine:f"], "reward_weights": [1.0], "use_cpu": True}
    recipe = write_recipe(tmp_path, **keys)
    trainer = together(str(recipe), "--output_dir", "run", cwd=tmp_path)
    started.append(trainer)
    code, _, err = trainer.end()
    assert code == 1
    last = events(tmp_path / "run")[-1]
    assert last["type"] == "run_failed"
    assert last["message"] == (
        "Process 1 failed: `mine:f` raised ZeroDivisionError: division by zero."
    )
    assert "Connection closed by peer" not in err, "who only misses it has nothing to add"


def test_what_only_the_main_process_fails_of_is_said_to_all(
    tmp_path: Path, started: list[Trainer]
) -> None:
    """It alone writes the run directory, while the other one waits for it to train."""
    recipe = write_recipe(tmp_path, use_cpu=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.jsonl").write_text("{}\n")
    trainer = together(str(recipe), "--output_dir", "run", cwd=tmp_path)
    started.append(trainer)
    code, _, err = trainer.end()
    assert code == 1
    assert "events.jsonl is there already." in err
    assert "Connection closed by peer" not in err, "who only misses it has nothing to add"


@pytest.mark.skipif(os.name == "nt", reason="takes a limit on memory")
def test_no_memory_is_said_and_the_checkpoint_kept(
    tmp_path: Path, started: list[Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the third step on, the process gets no more memory than it has at the rewards."""
    # What is freed goes back to the system, and is asked for again.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    (tmp_path / "mine.py").write_text(
        "import resource\n"
        "calls = 0\n"
        "def f(completions, **kw):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    if calls > 2:\n"
        "        pages = int(open('/proc/self/statm').read().split()[0])\n"
        "        size = pages * resource.getpagesize()\n"
        "        resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))\n"
        "    return [1.0] * len(completions)\n"
    )
    keys = {"reward_funcs": ["mine:f"], "reward_weights": [1.0], "save_steps": 1, "max_steps": 9}
    recipe = write_recipe(tmp_path, **keys)
    trainer = Trainer(
        *(str(recipe), "--output_dir", "run", "--per_device_train_batch_size", "64"), cwd=tmp_path
    )
    started.append(trainer)
    code, _, err = trainer.end()
    assert code == 1
    last = events(tmp_path / "run")[-1]
    assert last["type"] == "run_failed", err
    assert last["message"] == "The memory of the device is not enough for this recipe."
    for key in ("per_device_train_batch_size", "max_completion_length", "num_generations"):
        assert key in last["next"]
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-2" / STATE).exists()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ('{"step": 2, "processes": 2, "spread_over": "zero2"', "with DeepSpeed ZeRO-2 on 2 proc"),
        ('{"step": 2, "processes": 1, "spread_over": "fsdp"', "written with FSDP on one process"),
        ('{"step": "two"', "is not a checkpoint that a run can go on from"),
        ('{"processes": 1', "is not a checkpoint that a run can go on from"),
        ("[1", "is not a checkpoint that a run can go on from"),
    ],
)
def test_a_checkpoint_that_can_not_be_taken_up_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state: str, message: str
) -> None:
    recipe = write_recipe(tmp_path)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    known = ', "rollouts_bytes": 0, "counters": {}}'
    (folder / STATE).write_text(state + (known if state.startswith("{") else "]"))
    told: list[Any] = [str(recipe), "--output_dir", str(tmp_path / "run")]
    assert cli.main(["train", *told, "--resume_from_checkpoint", str(folder)]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run" / "run.json").exists(), "no run is begun"
