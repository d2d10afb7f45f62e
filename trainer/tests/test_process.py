"""A run from its recipe to its end, as a process that is watched, steered, stopped and killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import training
from conftest import BASE, Extension
from process import Trainer, events, until, write_recipe

from adaptive_grpo import cli


@pytest.fixture
def started() -> Iterator[Any]:
    trainers: list[Trainer] = []

    def start(*arguments: str, cwd: Path) -> Trainer:
        trainers.append(Trainer(*arguments, cwd=cwd))
        return trainers[-1]

    yield start
    for trainer in trainers:
        trainer.kill()


def types(directory: Path) -> list[str]:
    return [one["type"] for one in events(directory)]


def test_a_run_is_watched_and_steered_by_the_extensions_client(
    tmp_path: Path, started: Any, extension: Extension
) -> None:
    recipe = write_recipe(tmp_path, max_steps=100000, save_steps=100000)
    directory = tmp_path / "run"
    trainer = started(str(recipe), "--serve", "--output-dir", str(directory), cwd=tmp_path)
    ready = trainer.line()
    assert ready["type"] == "ready"
    assert ready["run_directory"] == str(directory)
    assert ready["pid"] == trainer.process.pid
    ask = {
        "model": "sums",
        "prompt": ["47+8*3-19=", "6*7+81="],
        "max_tokens": 6,
        "n": 2,
        "logprobs": 2,
        "temperature": 0,
    }
    right = training.problems(64)[0]["answer"]
    answers = [f"1+1=2\n#{right}", "no", [20, 4]]
    todo = [
        ["pause", {}],
        ["until", ["run_paused", 1]],
        ["set", {"uncertainty_threshold": 0.5, "learning_rate": 0.002}],
        ["set", {"num_generations": 2}],
        ["set", {"uncertainty_threshold": 7}],
        ["step", {"count": 2}],
        ["until", ["run_paused", 2]],
        ["complete", ask],
        ["complete", {**ask, "max_tokens": 0}],
        ["post", ["/v1/rewards", {"prompt_id": "train/0", "completions": answers}]],
        ["post", ["/v1/rewards", {"prompt_id": "train/none", "completions": ["1"]}]],
        ["post", ["/tokenize", {"prompt": "1+1="}]],
        ["post", ["/detokenize", {"tokens": [4, 13, 4, 19]}]],
        ["checkpoint", {}],
        ["resume", {}],
        ["stop", {}],
    ]
    mirror = tmp_path / "mirror"
    script = Path(__file__).parent / "steer_run.ts"
    command = [extension.node, script, ready["url"], ready["token"], mirror, json.dumps(todo)]
    ran = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    code, out, err = trainer.end()
    assert (code, out) == (0, ""), err
    results = json.loads(ran.stdout)
    assert results[0] == {"outcome": "applied", "message": "The run is paused."}
    assert results[2]["message"] == (
        "uncertainty_threshold: 0.7 → 0.5, learning_rate: 0.0001 → 0.002."
    )
    assert results[3]["outcome"] == "refused"
    assert "cannot be changed while a run goes on" in results[3]["message"]
    assert results[4] == {"outcome": "refused", "message": "`uncertainty_threshold` is 7.0."}
    completed = results[7]
    assert isinstance(completed, dict), completed
    assert len(completed["choices"]) == 4, completed
    first, again, *_ = completed["choices"]
    assert first["text"] == again["text"], "temperature 0 is greedy"
    assert first["logprobs"]["tokens"] == list(first["text"])
    assert all(value <= 0 for value in first["logprobs"]["token_logprobs"])
    assert "`max_tokens`" in results[8]
    scores = results[9]["body"]["data"]
    assert [one["rewards"] for one in scores[:2]] == [
        {"accuracy": 1, "format": 1},
        {"accuracy": 0, "format": 0},
    ]
    assert scores[0]["reward"] == pytest.approx(1.1)
    assert scores[2]["rewards"]["format"] == 1, "token ids are texts"
    assert results[10]["status"] == 404
    assert results[11]["body"] == {"tokens": [4, 13, 4, 19], "count": 4}
    assert results[12]["body"] == {"prompt": "1+1="}
    assert results[13]["message"].startswith("The checkpoint is checkpoints/checkpoint-")
    assert [one["outcome"] for one in results[13:]] == ["applied"] * 3

    # The mirror is the run, byte for byte.
    for name in ("events.jsonl", "rollouts.arrows"):
        assert (mirror / name).read_bytes() == (directory / name).read_bytes(), name
    found = extension.read(mirror)
    assert found["problems"] == []
    assert found["manifest"]["state"] == "stopped"
    assert found["manifest"]["endpoint"] is None
    assert found["manifest"]["recipe"]["uncertainty_threshold"] == 0.5
    assert {one["step"] for one in found["segments"]} == {one["step"] for one in found["steps"]}
    assert types(directory)[-1] == "run_finished"
    rates = [step["metrics"]["learning_rate"] for step in found["steps"]]
    assert rates[-1] > 10 * rates[0]
    assert (directory / "trainer.log").exists()


def test_sigterm_ends_with_a_checkpoint_and_the_run_goes_on_from_it(
    tmp_path: Path, started: Any, extension: Extension
) -> None:
    recipe = write_recipe(tmp_path, max_steps=100000)
    directory = tmp_path / "run"
    output = ("--output_dir", str(directory))
    trainer = started(str(recipe), *output, cwd=tmp_path)
    until(directory, "step", 3)
    trainer.process.send_signal(signal.SIGTERM)
    code, out, err = trainer.end()
    assert code == 0, err
    assert "Stopped. It can go on with --resume_from_checkpoint true." in out
    done = events(directory)
    assert done[-1]["reason"] == "stopped"
    steps = [one["step"] for one in done if one["type"] == "step"]
    saved = [one["step"] for one in done if one["type"] == "checkpoint"]
    assert saved[-1] == steps[-1]

    last = str(steps[-1] + 2)
    again = started(
        str(recipe), *output, "--resume_from_checkpoint", "true", "--max_steps", last, cwd=tmp_path
    )
    code, out, err = again.end()
    assert code == 0, err
    found = extension.read(directory)
    assert found["problems"] == []
    assert [step["step"] for step in found["steps"]] == list(range(1, int(last) + 1))
    spent = [step["metrics"]["tokens/generated"] for step in found["steps"]]
    assert spent == sorted(spent)
    sampled = sum(len(one["tokens"]["token_ids"]) for one in found["segments"])
    assert spent[-1] == sampled, "what was spent before the stop still counts"


def test_a_killed_run_goes_on_and_nothing_is_there_twice(
    tmp_path: Path, started: Any, extension: Extension
) -> None:
    held_out = {"eval_strategy": "steps", "eval_steps": 2, "test_split_size": 0.25}
    batches = {"per_device_eval_batch_size": 16}
    recipe = write_recipe(tmp_path, max_steps=100000, save_steps=3, **held_out, **batches)
    directory = tmp_path / "run"
    output = ("--output_dir", str(directory))
    trainer = started(str(recipe), *output, cwd=tmp_path)
    until(directory, "checkpoint", 1)
    until(directory, "step", 5)
    trainer.process.kill()
    trainer.end()
    # What a trainer leaves that is killed while it writes a checkpoint, and a batch.
    (directory / "checkpoints" / "checkpoint-99").mkdir()
    with (directory / "rollouts.arrows").open("ab") as file:
        file.write(b"\xff\xff\xff\xff\x00\x10")
    told = ("--resume_from_checkpoint", "true", "--max_steps", "8")
    again = started(str(recipe), *output, *told, cwd=tmp_path)
    code, _, err = again.end()
    assert code == 0, err
    found = extension.read(directory)
    assert found["problems"] == []
    assert [step["step"] for step in found["steps"]] == list(range(1, 9))
    sampled = sum(len(one["tokens"]["token_ids"]) for one in found["segments"])
    assert sampled == found["steps"][-1]["metrics"]["tokens/generated"]
    assert [one["step"] for one in found["evaluations"]] == [2, 4, 6, 8]
    assert all(0 <= one["metrics"]["eval/pass@1"] <= 1 for one in found["evaluations"])
    started_events = [one for one in events(directory) if one["type"] == "run_started"]
    assert started_events[1]["resumed_from_step"] >= 3
    assert started_events[1]["superseded"] is not None


@pytest.mark.parametrize(
    ("keys", "arguments", "code", "message"),
    [
        ({"learning_rat": 1}, (), 2, 'There is no key "learning_rat".'),
        ({"torch_dtype": "bfloat16"}, (), 2, "TRL has no `torch_dtype` any more."),
        ({"bf16": True}, (), 2, "The recipe wants `bf16`, but PyTorch sees no GPU here."),
        ({}, ("--threads", "2"), 2, 'The TRL engine does not use "threads".'),
        ({"engine": "built-in"}, (), 2, "is a recipe for the engine `built-in`."),
        ({"loss_type": "sapo"}, (), 2, "`loss_type: sapo` doesn't go together"),
        ({"dataset_name": "none.jsonl"}, (), 1, "There is no file none.jsonl"),
        ({"dataset_prompt_column": "problem"}, (), 1, "has no column `problem`"),
        (
            {"reward_funcs": ["speed"], "reward_weights": [1]},
            (),
            2,
            "There is no reward function `speed`.",
        ),
        ({"system_prompt": "Think."}, (), 1, "the tokenizer has no chat template"),
        ({"model_name_or_path": "nobody/nothing"}, (), 1, "nobody/nothing can't be loaded"),
        ({}, ("--num_generations", "many"), 2, "num_generations"),
        ({}, ("--resume_from_checkpoint", "true"), 1, "It isn't said which run"),
    ],
)
def test_bad_input_is_said_in_a_sentence(
    tmp_path: Path, keys: Any, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """Within this process: what matters is what is said."""
    recipe = write_recipe(tmp_path, **keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        said: list[str] = []
        patch.setattr("sys.stderr.write", said.append, raising=False)
        assert cli.main(["train", str(recipe), *arguments]) == code
    assert message in "".join(said)
    assert not (tmp_path / "runs").exists(), "nothing is left behind"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "The data set is empty."),
        (['{"prompt": "1+1=", "answer": "2"}'], "too few prompts: 1, while a step takes 2."),
        (['{"prompt": "", "answer": "2"}'] * 9, "The prompt of row 0 of the data set is empty"),
        (["nonsense"], "can't be loaded"),
        (['{"question": "1+1="}'] * 9, "has no column `prompt`; it has `question`"),
    ],
)
def test_bad_data_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], message: str
) -> None:
    recipe = write_recipe(tmp_path)
    (tmp_path / "sums.jsonl").write_text("\n".join(lines), "utf8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert cli.main(["train", str(recipe)]) == 1
    assert message in capsys.readouterr().err


def test_a_tokenizer_without_an_end_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(BASE, model)
    settings = json.loads((model / "tokenizer_config.json").read_text("utf8"))
    del settings["eos_token"]
    (model / "tokenizer_config.json").write_text(json.dumps(settings), "utf8")
    recipe = write_recipe(tmp_path, model_name_or_path=str(model))
    assert cli.main(["train", str(recipe)]) == 1
    assert "The tokenizer has no end-of-text token" in capsys.readouterr().err


def test_what_no_memory_is_told_as() -> None:
    from adaptive_grpo.app.launch import plain

    error = plain(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert error.message.startswith("The memory of the device is not enough")
    assert "per_device_train_batch_size" in error.next_step


def test_a_reward_function_that_raises_fails_the_run_in_a_sentence(
    tmp_path: Path, started: Any
) -> None:
    (tmp_path / "mine.py").write_text("def f(completions, **kw):\n    return [1 / 0]\n")
    recipe = write_recipe(tmp_path, reward_funcs=["mine:f"], reward_weights=[1.0])
    trainer = started(str(recipe), "--serve", "--output_dir", "run", cwd=tmp_path)
    assert trainer.line()["type"] == "ready"
    code, _, _ = trainer.end()
    assert code == 1
    last = events(tmp_path / "run")[-1]
    assert last["type"] == "run_failed"
    assert last["message"] == "`mine:f` raised ZeroDivisionError: division by zero."
    assert "resume the run" in last["next"]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "failed"


def test_a_served_run_that_cannot_begin_says_so_on_stdout(tmp_path: Path, started: Any) -> None:
    recipe = write_recipe(tmp_path, dataset_name="none.jsonl")
    trainer = started(str(recipe), "--serve", cwd=tmp_path)
    line = trainer.line()
    assert line["type"] == "failed"
    assert "There is no file none.jsonl" in line["message"]
    assert trainer.end()[0] == 1
