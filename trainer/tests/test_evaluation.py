from __future__ import annotations

import json
from pathlib import Path

import pytest
import training
from conftest import BASE, ROOT
from process import Trainer, events, write_recipe

from adaptive_grpo import cli
from adaptive_grpo.evaluation.intervals import mean_over_problems, pass_at, wilson
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


def test_intervals() -> None:
    assert wilson(0, 10)[0:2] == (0, 0)
    assert wilson(0, 10).high == pytest.approx(0.2775, abs=1e-4)
    assert wilson(5, 10).low == pytest.approx(0.2366, abs=1e-4)
    rights = [[True, False], [True, True], [False, False]]
    assert mean_over_problems(rights).mean == 0.5
    assert pass_at(2, rights).mean == pytest.approx(2 / 3)
    assert pass_at(1, rights).mean == pytest.approx(0.5)
    # Eight problems, all or nothing, whatever k: the sample deviation of the shares is 0.5345.
    shares = mean_over_problems([[True] * 9, [False] * 9] * 4)
    assert shares.high - shares.mean == pytest.approx(1.96 * 0.53452 / 8**0.5, abs=1e-4)


def test_benchmarks_of_a_recipe(tmp_path: Path) -> None:
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
    code, _, err = Trainer(str(recipe), "--output_dir", str(tmp_path / "no"), cwd=ROOT).end()
    assert (code, "There is no benchmark chess" in err) == (1, True)
    assert not (tmp_path / "no").exists()


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
