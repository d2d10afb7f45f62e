"""`recipes/slurm/adaptive_grpo.sbatch`, as it is, in a real Slurm with two nodes, both here."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Extension
from process import TRAINER, events, until, write_recipe
from slurm_here import Slurm, why_not

SCRIPT = ROOT / "recipes" / "slurm" / "adaptive_grpo.sbatch"
STEPS = 12
KNOWN = {"PYTHON": sys.executable, "PYTHONPATH": str(TRAINER)}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    here = Slurm(tmp_path_factory.mktemp("slurm"))
    yield here
    here.stop()


def submit(slurm: Slurm, folder: Path, *arguments: str) -> str:
    nodes = ("--nodes=2", "--gres=none", "--output=job.log")
    job = slurm.tell("sbatch", "--parsable", *nodes, str(SCRIPT), *arguments, cwd=folder, **KNOWN)
    assert job.isdigit(), job
    return job


def test_a_job_on_two_nodes_is_told_of_its_limit_queued_again_and_goes_on(
    tmp_path: Path, slurm: Slurm, extension: Extension
) -> None:
    write_recipe(tmp_path, max_steps=STEPS, save_steps=1000, use_cpu=True)
    job = submit(slurm, tmp_path, "sums.yaml", "--accelerate", "ddp", "--processes", "1")
    directory, log = tmp_path / "runs" / f"sums-{job}", tmp_path / "job.log"
    until(directory, "step", 2)
    # What Slurm does ahead of the time limit, which is whole minutes.
    slurm.tell("scancel", "--signal=USR1", "--batch", job)
    assert slurm.until(job, "PENDING") == "PENDING", log.read_text()
    kinds = [one["type"] for one in events(directory)]
    assert kinds[-2:] == ["checkpoint", "run_finished"]
    assert kinds.count("step") < STEPS
    # It would begin two minutes later. Too soon is no good either: the nodes take it for what was
    # ended in that second ("job credential revoked").
    slurm.until_idle()
    slurm.tell("scontrol", "update", f"jobid={job}", "starttime=now+3")
    assert slurm.until(job, "COMPLETED", "FAILED") == "COMPLETED", log.read_text() + slurm.told()
    assert "2 nodes with 1 processes each" in log.read_text()
    found = extension.read(directory)
    assert found["problems"] == []
    assert found["manifest"]["state"] == "finished"
    assert [step["step"] for step in found["steps"]] == list(range(1, STEPS + 1))
    prompts = {(one["step"], one["prompt_id"]) for one in found["segments"]}
    assert len(prompts) == 4 * STEPS, "two prompts of each node in every step"


def test_a_server_that_does_not_start_ends_the_job(tmp_path: Path, slurm: Slurm) -> None:
    if importlib.util.find_spec("vllm") is not None:
        pytest.skip("vLLM is installed, and the server would start")
    write_recipe(tmp_path, use_vllm=True, vllm_mode="server", use_token_adaptive=False)
    job = submit(slurm, tmp_path, "sums.yaml", "--accelerate", "ddp", "--processes", "1")
    assert slurm.until(job, "COMPLETED", "FAILED") == "FAILED"
    told = (tmp_path / "job.log").read_text()
    assert "The vLLM server on n2 ended before it answered." in told
    assert "vllm" in (tmp_path / "runs" / f"sums-{job}.vllm.log").read_text().lower()
    assert not (tmp_path / "runs" / f"sums-{job}").exists(), "no run was begun"


def by_hand(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Without Slurm, as before a job is submitted."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    ran = subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        cwd=folder,
        env={**known, **KNOWN, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_a_dry_run_says_what_would_be_started(tmp_path: Path) -> None:
    write_recipe(tmp_path, use_vllm=True, vllm_mode="server", vllm_max_model_length=512)
    told = ("--dry-run", "sums.yaml", "--accelerate", "fsdp2", "--learning_rate", "1e-6")
    code, out, err = by_hand(tmp_path, *told, "--vllm_tensor_parallel_size=4", SLURM_NNODES="5")
    assert code == 0, err
    server, training = (shlex.split(line) for line in out.splitlines())
    assert "--nodelist=node5" in server
    assert server[server.index("vllm-serve") :][1:] == [
        *("--model", str(ROOT / "media" / "base"), "--revision", "main", "--dtype", "auto"),
        *("--tensor_parallel_size", "4", "--data_parallel_size", "2", "--port", "8000"),
        *("--max_model_len", "512"),
    ]
    assert "--nodelist=node1,node2,node3,node4" in training
    for pair in (
        ("--num_machines", "4"),
        ("--num_processes", "32"),
        ("--main_process_ip", "node1"),
        ("--learning_rate", "1e-6"),
        ("--vllm_server_host", "node5"),
        ("--output_dir", "runs/sums-0"),
    ):
        at = training.index(pair[0])
        assert tuple(training[at : at + 2]) == pair
    config = Path(training[training.index("--config_file") + 1])
    assert config.samefile(ROOT / "recipes" / "accelerate_configs" / "fsdp2.yaml")


def test_a_key_without_a_value_is_true(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    told = ("--dry-run", "sums.yaml", "--use_vllm", "--vllm_mode", "server")
    code, out, err = by_hand(tmp_path, *told, SLURM_NNODES="2")
    assert code == 0, err
    server, training = (shlex.split(line) for line in out.splitlines())
    assert "vllm-serve" in server
    # The first node may have benchmarks to try when the others are done.
    assert "--wait=0" in training


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "It has to be a recipe."),
        (("none.yaml",), "There is no recipe none.yaml"),
        (("sums.yaml",), "This is not a job of Slurm."),
        (("sums.yaml", "--accelerate", "zero9"), "no configuration of accelerate called zero9"),
        (("sums.yaml", "--accelerate"), "--accelerate needs a value."),
        (("sums.yaml", "--processes", "many"), "--processes is many."),
        (("sums.yaml", "--python", "false"), "false has no adaptive_grpo."),
        (("bad.yaml", "--dry-run"), "The recipe bad.yaml can't be read"),
    ],
)
def test_what_can_not_be_started_is_said(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    write_recipe(tmp_path)
    (tmp_path / "bad.yaml").write_text("a: [")
    code, out, err = by_hand(tmp_path, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) >= 2, "and what to do next"


def test_one_node_is_too_few_for_a_server(tmp_path: Path) -> None:
    write_recipe(tmp_path, use_vllm=True, vllm_mode="server")
    code, _, err = by_hand(tmp_path, "sums.yaml", "--dry-run", SLURM_NNODES="1")
    assert code == 2
    assert "needs a node of its own" in err


def test_help_is_the_head_of_the_file(tmp_path: Path) -> None:
    code, out, _ = by_hand(tmp_path, "--help")
    assert code == 0
    assert "sbatch --nodes=4 recipes/slurm/adaptive_grpo.sbatch RECIPE" in out
    assert "#" not in out
