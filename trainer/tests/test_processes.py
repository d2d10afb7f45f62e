"""Two real processes (gloo, on the CPU) do what one does with the same batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from conftest import ROOT, Extension
from process import Trainer, events, write_recipe

LAUNCH = (
    *("-m", "torch.distributed.run", "--nproc_per_node", "2"),
    *("--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"),
)


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


@pytest.mark.parametrize("policy", ["first_failure"])
def test_two_processes_are_one(tmp_path: Path, extension: Extension, policy: str) -> None:
    recipe = write_recipe(
        tmp_path, max_steps=2, fork_policy=policy, scale_rewards="batch", use_cpu=True
    )
    alone = Trainer(
        *(str(recipe), "--output_dir", "one", "--per_device_train_batch_size", "32"), cwd=tmp_path
    )
    together = Trainer(
        *(str(recipe), "--output_dir", "two", "--per_device_train_batch_size", "16"),
        cwd=tmp_path,
        prefix=LAUNCH,
    )
    for trainer in (alone, together):
        code, _, err = trainer.end(240)
        assert code == 0, err
    one, two = (extension.read(tmp_path / name) for name in ("one", "two"))
    assert two["problems"] == []
    assert len(one["segments"]) > 40
    assert rollouts(two) == rollouts(one)
    for first, second in zip(one["steps"], two["steps"], strict=True):
        assert first["metrics"].keys() == second["metrics"].keys()
        for name, value in first["metrics"].items():
            if not name.startswith("time/"):
                assert second["metrics"][name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
    kinds = [one["type"] for one in events(tmp_path / "two")]
    assert kinds == [one["type"] for one in events(tmp_path / "one")], "one process writes the log"


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero2", "zero3"])
def test_accelerate_reads_the_configurations(name: str) -> None:
    path = ROOT / "recipes" / "accelerate_configs" / f"{name}.yaml"
    loaded = load_config_from_file(str(path))
    written = yaml.safe_load(path.read_text("utf8"))
    assert loaded.distributed_type.value == written["distributed_type"]
    kept = loaded.to_dict()
    assert all(kept[key] == value for key, value in written.items() if key in kept)
