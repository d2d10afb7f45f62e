"""Two real processes (gloo, on the CPU) do what one does with the same batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from conftest import ROOT, Extension
from launching import configured, together
from process import Trainer, events, write_recipe

STEPS = 3
KEYS: dict[str, Any] = {
    "max_steps": STEPS,
    "save_steps": STEPS - 1,
    "lr_scheduler_type": "constant",
    "scale_rewards": "batch",
}
ALL = ("--per_device_train_batch_size", "32")
"""One process takes what two take together."""
HALF = ("--max_steps", str(STEPS - 1))
GO_ON = ("--resume_from_checkpoint", "true")


def ended(trainer: Trainer) -> None:
    code, _, err = trainer.end(240)
    assert code == 0, err


def rollouts(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What was sampled and what it was worth, whatever it is called."""
    return sorted(
        (
            one["step"],
            one["prompt_id"],
            one["fork_at"],
            one["attempt"],
            one["status"],
            one["reward"] or 0,
            tuple(one["tokens"]["token_ids"]),
            tuple(one["tokens"]["advantage"]),
        )
        for one in found["segments"]
    )


def same(two: dict[str, Any], one: dict[str, Any]) -> None:
    """Two runs were one and the same, but for how long they took."""
    assert two["problems"] == []
    assert rollouts(two) == rollouts(one)
    for first, second in zip(one["steps"], two["steps"], strict=True):
        assert first["metrics"].keys() == second["metrics"].keys()
        for name, value in first["metrics"].items():
            if not name.startswith("time/"):
                assert second["metrics"][name] == pytest.approx(value, rel=1e-3, abs=1e-5), name


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    folder = tmp_path_factory.mktemp("one")
    recipe = write_recipe(folder, **KEYS, use_cpu=True)
    ended(Trainer(str(recipe), "--output_dir", "run", *ALL, cwd=folder))
    return folder / "run"


def test_two_processes_are_one_and_one_goes_on_where_they_ended(
    tmp_path: Path, one: Path, extension: Extension
) -> None:
    recipe = write_recipe(tmp_path, **KEYS, use_cpu=True)
    output = ("--output_dir", "run")
    ended(together(str(recipe), *output, *HALF, cwd=tmp_path))
    kinds = [event["type"] for event in events(tmp_path / "run")]
    assert kinds == ["run_started", "step", "step", "checkpoint", "run_finished"], "one log"
    ended(Trainer(str(recipe), *output, *ALL, *GO_ON, cwd=tmp_path))
    found = extension.read(one)
    assert len(found["segments"]) > 60
    same(extension.read(tmp_path / "run"), found)


def spread(
    name: str, folder: Path, one: Path, extension: Extension, *arguments: str
) -> dict[str, Any]:
    """Two processes by a shipped configuration are one, across a checkpoint too.

    Returns:
        What is noted beside the checkpoint on the way
    """
    recipe = write_recipe(folder, **KEYS)
    told = (str(recipe), "--output_dir", name, *arguments)
    ended(configured(name, *told, *HALF, cwd=folder))
    ended(configured(name, *told, *GO_ON, cwd=folder))
    same(extension.read(folder / name), extension.read(one))
    checkpoint = folder / name / "checkpoints" / f"checkpoint-{STEPS - 1}"
    noted: dict[str, Any] = json.loads((checkpoint / "adaptive_grpo_state.json").read_text())
    assert (noted["step"], noted["processes"]) == (STEPS - 1, 2)
    assert (checkpoint / "model.safetensors").stat().st_size > 1 << 20, "the whole model"
    return noted


def test_fsdp2_is_one_process(tmp_path: Path, one: Path, extension: Extension) -> None:
    assert spread("fsdp2", tmp_path, one, extension)["spread_over"] == "fsdp"
    last = tmp_path / "fsdp2" / "checkpoints" / f"checkpoint-{STEPS}"
    assert (last / "pytorch_model_fsdp.bin").exists()


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_is_one_process(
    tmp_path: Path, one: Path, extension: Extension, stage: int
) -> None:
    pytest.importorskip("deepspeed", reason="python3 trainer/check.py deepspeed installs it")
    noted = spread(f"zero{stage}", tmp_path, one, extension)
    assert noted["spread_over"] == f"zero{stage}"


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero2", "zero3"])
def test_accelerate_reads_the_configurations(name: str) -> None:
    path = ROOT / "recipes" / "accelerate_configs" / f"{name}.yaml"
    loaded = load_config_from_file(str(path))
    written = yaml.safe_load(path.read_text("utf8"))
    assert loaded.distributed_type.value == written["distributed_type"]
    kept = loaded.to_dict()
    assert all(kept[key] == value for key, value in written.items() if key in kept)
