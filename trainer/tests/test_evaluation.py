from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import training
from conftest import BASE, ROOT
from hub import hub
from process import Trainer, events, until, write_recipe

from adaptive_grpo import cli
from adaptive_grpo.evaluation.benchmarks import load_benchmark
from adaptive_grpo.evaluation.intervals import mean_over_problems, pass_at, wilson
from adaptive_grpo.rewards.correctness import is_right
from adaptive_grpo.training.rounds import tells_accuracy


def test_a_checkpoint_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in training.problems(24, seed=3))
    (tmp_path / "gsm8k.jsonl").write_text(lines, "utf8")
    told = tmp_path / "out.json"
    options = ["--benchmark_folder", str(tmp_path), "--samples", "4", "--temperature", "1"]
    options += ["--max_tokens", "48", "--batch", "40", "--output", str(told)]
    assert cli.main(["eval", str(BASE), "--benchmarks", "gsm8k", *options]) == 0
    said = capsys.readouterr().out
    assert said.startswith("gsm8k: pass@1 ")
    result = json.loads(told.read_text())["benchmarks"]["gsm8k"]
    assert result["problems"] == 24
    assert result["pass@1"] == result["avg@4"]
    assert 0.05 < result["avg@4"]["low"] < result["avg@4"]["mean"] < result["pass@4"]["mean"] <= 1
    assert cli.main(["eval", str(BASE), "--benchmarks", "gsm8k", *options]) == 0
    assert json.loads(told.read_text())["benchmarks"]["gsm8k"]["tokens"] == result["tokens"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([str(BASE)], 2, "--benchmarks"),
        ([str(BASE), "--benchmarks", "chess"], 1, "There is no benchmark chess"),
        (["/nowhere", "--benchmarks", "FILE"], 1, "/nowhere can't be loaded"),
        ([str(BASE), "--benchmarks", "FILE", "--samples", "0"], 2, "below what makes sense"),
        ([str(BASE), "--benchmarks", "FILE", "--limit", "0"], 2, "below what makes sense"),
        ([str(BASE), "--benchmarks", ","], 2, "names none"),
        ([str(BASE), "--benchmarks", "gone.jsonl"], 1, "There is no file gone.jsonl"),
        ([str(BASE), "--benchmarks", "gsm8k"], 1, "The benchmark gsm8k can't be loaded"),
    ],
)
def test_mistakes(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"question": "1+1=", "solution": "2"}\n', "utf8")
    given = [str(path) if one == "FILE" else one for one in arguments]
    assert cli.main(["eval", *given]) == code
    assert message in capsys.readouterr().err


def test_a_model_without_an_end_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(BASE, model)
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        if (model / name).exists():
            settings = json.loads((model / name).read_text("utf8"))
            known = {key: value for key, value in settings.items() if not key.startswith("eos_")}
            (model / name).write_text(json.dumps(known), "utf8")
    path = tmp_path / "own.jsonl"
    path.write_text('{"question": "1+1=", "solution": "2"}\n', "utf8")
    assert cli.main(["eval", str(model), "--benchmarks", str(path)]) == 1
    said = capsys.readouterr().err
    assert "The tokenizer has no end-of-text token" in said
    assert "Traceback" not in said


def test_intervals() -> None:
    assert wilson(0, 10)[0:2] == (0, 0)
    assert wilson(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    assert wilson(5, 10).low == pytest.approx(0.2366, abs=1e-4)
    rights = [[True, False], [True, True], [False, False]]
    assert mean_over_problems(rights).mean == 0.5
    assert pass_at(2, rights).mean == pytest.approx(2 / 3)
    assert pass_at(1, rights).mean == pytest.approx(0.5)
    # Eight problems of shares 1/3 and 2/3: their sample deviation is 0.1782.
    shares = mean_over_problems([[True, True, False], [True, False, False]] * 4)
    assert shares.high - shares.mean == pytest.approx(1.96 * 0.17817 / 8**0.5, abs=1e-4)
    # None right is no certain zero, and all or nothing is one answer each, whatever k.
    assert mean_over_problems([[False]] * 10) == wilson(0, 10)
    assert mean_over_problems([[True] * 9, [False] * 9] * 4) == wilson(4, 8)
    assert mean_over_problems([[True, False]]) == wilson(0.5, 1)


GSM8K = b"""---
configs:
- config_name: main
  data_files:
  - {split: train, path: main/train-*}
  - {split: test, path: main/test-*}
- config_name: socratic
  data_files:
  - {split: test, path: socratic/test-*}
---
"""


def parquet(**row: object) -> bytes:
    data = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), data)
    return data.getvalue()


def test_benchmarks_from_the_hub(tmp_path: Path) -> None:
    worked = "48/2 = <<48/2=24>>24 clips.\n#### 24"
    row = {"problem": "2+2=", "solution": "It is $\\boxed{4}$.", "answer": "4", "level": 1}
    repositories = {
        "openai/gsm8k": {
            "README.md": GSM8K,
            "main/train-00000-of-00001.parquet": parquet(question="no", answer="#### 1"),
            "main/test-00000-of-00001.parquet": parquet(question="Clips?", answer=worked),
            "socratic/test-00000-of-00001.parquet": parquet(question="no", answer="#### 1"),
        },
        "HuggingFaceH4/MATH-500": {
            "README.md": b"---\nlanguage:\n- en\n---\n",
            "test.jsonl": json.dumps(row).encode(),
        },
        "HuggingFaceH4/aime_2024": {
            "data/train-00000-of-00001.parquet": parquet(
                id=60, problem="Walk?", solution="So 204.", answer="204", url="x", year="2024"
            )
        },
        "math-ai/amc23": {
            "test-00000-of-00001.parquet": parquet(id=0, question="Miles?", answer="27.0", url="x")
        },
    }
    script = (
        "import json, sys\n"
        "from adaptive_grpo.evaluation.benchmarks import load_benchmark\n"
        "from dataclasses import asdict\n"
        "found = [one for name in sys.argv[1:] for one in load_benchmark(name, [])]\n"
        "print(json.dumps([asdict(one) for one in found]))"
    )
    with hub(repositories) as (endpoint, asked):
        names = ["gsm8k", "math500", "aime24", "amc23"]
        # What names the Hub is read when its library is imported.
        environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path)}
        environment.pop("HF_HUB_OFFLINE", None)
        command = [sys.executable, "-c", script]
        options: Any = {"env": environment, "cwd": ROOT / "trainer", "capture_output": True}
        ran = subprocess.run([*command, *names], check=False, text=True, timeout=120, **options)
        found = [(one["prompt"], one["answer"]) for one in json.loads(ran.stdout)]
        told = [("Clips?", worked), ("2+2=", "4"), ("Walk?", "204"), ("Miles?", "27.0")]
        assert found == told, ran.stderr
        assert sum(one.startswith("GET /datasets/") for one in asked) >= len(names)
    # A copy of the folder is read as the Hub's is.
    for path, data in repositories["openai/gsm8k"].items():
        file = tmp_path / "copies" / "gsm8k" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (copied,) = load_benchmark("gsm8k", [tmp_path / "copies"])
    assert (copied.prompt, copied.answer) == ("Clips?", worked)
    assert is_right("The answer is 24.", worked) is True
    assert is_right("So \\boxed{27}", "27.0") is True


def test_benchmarks_of_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in training.problems(12, seed=3))
    (tmp_path / "own.jsonl").write_text(lines, "utf8")
    keys = {"benchmarks": ["own.jsonl"], "max_steps": 1, "save_steps": 5}
    recipe, directory = write_recipe(tmp_path, **keys), tmp_path / "run"
    code, out, _ = Trainer(str(recipe), "--output_dir", str(directory), cwd=ROOT).end()
    assert code == 0
    assert "own.jsonl: pass@1 " in out
    told = json.loads((directory / "benchmarks.json").read_text("utf8"))
    figure = told["benchmarks"]["own.jsonl"]["pass@1"]
    assert (told["step"], told["benchmarks"]["own.jsonl"]["problems"]) == (1, 12)
    (said,) = [one for one in events(directory) if one["type"] == "evaluation"]
    assert said["metrics"] == {
        "eval/own/accuracy": figure["mean"],
        "eval/own/low": figure["low"],
        "eval/own/high": figure["high"],
    }
    assert events(directory)[-1]["type"] == "run_finished"
    # The last checkpoint says the same, and a wrong name is said before anything is trained.
    checkpoint, again = directory / "checkpoints" / "checkpoint-1", tmp_path / "again.json"
    options = ["--temperature", "0", "--max_tokens", "48", "--output", str(again)]
    asked = ["eval", str(checkpoint), "--benchmarks", str(tmp_path / "own.jsonl")]
    assert cli.main([*asked, *options]) == 0
    (figures,) = json.loads(again.read_text("utf8"))["benchmarks"].values()
    assert figures["pass@1"] == figure
    recipe = write_recipe(tmp_path, benchmarks=["chess"])
    assert cli.main(["train", str(recipe), "--output_dir", str(tmp_path / "no")]) == 1
    assert "There is no benchmark chess" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_benchmarks_are_left_when_the_run_is_told_to_end(tmp_path: Path) -> None:
    """Until then, the policy answers between two batches of questions."""
    for name, times in (("few", 1), ("many", 1000)):
        lines = "".join(json.dumps(one) + "\n" for one in training.problems(8, seed=3))
        (tmp_path / f"{name}.jsonl").write_text(lines * times, "utf8")
    names = ["few.jsonl", "many.jsonl"]
    recipe, directory = write_recipe(tmp_path, benchmarks=names, max_steps=1), tmp_path / "run"
    trainer = Trainer(str(recipe), "--output_dir", str(directory), "--serve", cwd=ROOT)
    try:
        ready = trainer.line()
        until(directory, "checkpoint")
        asked = urllib.request.Request(
            f"{ready['url']}/v1/completions",
            json.dumps({"prompt": "1+1=", "max_tokens": 4}).encode(),
            {"Authorization": f"Bearer {ready['token']}", "Content-Type": "application/json"},
        )
        for _ in range(2):
            with urllib.request.urlopen(asked, timeout=60) as answer:
                assert json.load(answer)["usage"]["completion_tokens"] > 0
        assert json.loads((directory / "run.json").read_text("utf8"))["state"] == "running"
        trainer.process.terminate()
        code, _, err = trainer.end(timeout=30)
    finally:
        trainer.kill()
    assert code == 0, err
    log = (directory / "trainer.log").read_text("utf8")
    assert "Leaving the benchmarks after these questions." in log
    *_, warning, last = events(directory)
    assert (last["type"], last["reason"]) == ("run_finished", "max_steps")
    assert warning["message"].startswith("The run was told to end, so benchmarks are left to: ")
    assert warning["message"].endswith("checkpoint-1 --benchmarks many.jsonl --temperature 0")
    assert list(json.loads((directory / "benchmarks.json").read_text())["benchmarks"]) == names[:1]


@pytest.mark.parametrize(
    ("name", "tells"),
    [
        ("accuracy", True),
        ("accuracy_reward", True),
        ("countdown:accuracy", True),
        ("my.module.accuracy", True),
        ("reasoning_accuracy_reward", False),
        ("accuracy:length", False),
        ("format", False),
    ],
)
def test_who_says_what_is_right(name: str, tells: bool) -> None:
    assert tells_accuracy(name) is tells
