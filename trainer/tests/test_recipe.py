"""A recipe that is wrong is refused before anything is loaded, in the extension's words."""

from __future__ import annotations

import json
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Extension
from process import write_recipe

from adaptive_grpo.app.recipe import ScriptArguments, load_recipe
from adaptive_grpo.errors import RecipeError
from adaptive_grpo.training import AdaptiveGRPOConfig
from adaptive_grpo.training.live import CHANGEABLE

HEAD = "engine: trl\nmodel_name_or_path: a/b\ndataset_name: c/d\n"


def linted(extension: Extension, sources: list[str]) -> dict[str, Any]:
    script = Path(__file__).parent / "lint_recipes.ts"
    command = [str(extension.node), str(script), json.dumps(sources)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def refusal(folder: Path, source: str, *arguments: str) -> str:
    (folder / "r.yaml").write_text(source, "utf8")
    with pytest.raises(RecipeError) as error:
        load_recipe(folder / "r.yaml", arguments)
    assert error.value.next_step.endswith((".", "`"))
    return error.value.message


WRONG = [
    "learning_rat: 1",
    "torch_dtype: bfloat16",
    "warmup_ratio: 0.1",
    "max_prompt_length: 512",
    "use_mps_device: true",
    "nonsense_of_mine: 1",
    "num_generations: eight",
    "num_generations: 1",
    "max_steps: 2.5",
    "bf16: maybe",
    "fork_policy: bets",
    "loss_type: [dapo]",
    "uncertainty_threshold: 7",
    "uncertainty_threshold: .inf",
    "min_prefix_length: -1",
    "reward_funcs: accuracy",
    "reward_funcs: []",
    "reward_weights: [1, two]",
    "temperature: [1]",
    "temperature: 0",
    "dataset_prompt_column:",
    "lora_r: 0",
    "datasets: own.jsonl",
    "model_init_kwargs: 3",
    'system_prompt: ["a\\tb"]',
    "learning_rat: 1\ntemperature: hot\nmax_steps: many",
]
BROKEN = ["", "# nothing\n", "- a\n- b\n", "just words\n", "seed: 1\nseed: 2\n", "a:\n\tb: 1\n"]
BROKEN += ["? [a, b]\n: 1\n"]
BROKEN += ["engine: trl\nnum_generations 8\n", "engine: trl\n---\nengine: trl\n"]


def test_what_is_wrong_is_said_as_the_linter_says_it(tmp_path: Path, extension: Extension) -> None:
    sources = [f"{HEAD}{one}\n" for one in WRONG] + BROKEN
    theirs = linted(extension, sources)["said"]
    for source, lines in zip(sources, theirs, strict=True):
        assert lines, source
        assert refusal(tmp_path, source).splitlines() == [
            # What to do next stands apart where all of the recipe is no recipe.
            line.removesuffix(" Start from `recipes/adaptive_grpo.yaml`.")
            .removesuffix(" See `recipes/`.")
            .removesuffix(" Keep one of them.")
            for line in lines
        ], source


MIXTURES = [
    "datasets: [{id: a/b}]",
    "datasets: [{path: a/b}, {path: a/b, weight: 1}]",
    "dataset_mixture: {}",
    "dataset_mixture: {datasets: []}",
    "dataset_mixture: {datasets: 4}",
    "dataset_mixture: {datasets: [{path: a/b}]}",
    "dataset_mixture: {datasets: [{id: a/b, fraction: 1}]}",
    "dataset_mixture: {datasets: [{id: a/b}], shuffle: true}",
    "dataset_mixture: {datasets: [{id: a/b}]}\ndatasets: [{path: a/b}]",
    "dataset_streaming: true",
    "streaming: true",
]


def test_what_is_wrong_with_a_mixture_is_said_as_the_linter_says_it(
    tmp_path: Path, extension: Extension
) -> None:
    sources = [f"{HEAD}{one}\n" for one in MIXTURES]
    for source, lines in zip(sources, linted(extension, sources)["said"], strict=True):
        assert len(lines) == 1, (source, lines)
        assert refusal(tmp_path, source) in lines[0]


def test_both_know_the_same_keys(extension: Extension) -> None:
    known = linted(extension, [])
    own = {*ScriptArguments.__dataclass_fields__, *AdaptiveGRPOConfig.__dataclass_fields__}
    theirs = {*AdaptiveGRPOConfig.__base__.__dataclass_fields__}
    assert own - theirs <= set(known["keys"])
    assert tuple(known["live"]) == CHANGEABLE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--num_generations", "many"), "argument num_generations: error: `num_generations` must"),
        (("--max-steps", "2.5"), "argument max_steps: error: `max_steps` must be a whole number"),
        (("--fork_policy=top_entropi",), "Did you mean"),
        (("--learning_rat", "1"), 'argument learning_rat: error: There is no key "learning_rat".'),
        (("--torch_dtype", "auto"), "TRL has no `torch_dtype` any more."),
        (("--threads", "2"), 'argument threads: error: The TRL engine does not use "threads".'),
        (("--callbacks", "x"), 'There is no key "callbacks".'),
        (("loose",), "loose"),
    ],
)
def test_a_command_line_that_is_wrong(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(tmp_path, HEAD, *arguments)


def test_what_python_reads_as_text_is_taken_as_trl_takes_it(tmp_path: Path) -> None:
    keys = {"learning_rate": "1e-4", "max_steps": "12", "disable_dropout": "yes"}
    arguments = ["--reward_funcs", "format", "accuracy", "--beta=0.04", "--max-steps", "-1"]
    more = ["--use_peft", "--lr_scheduler_kwargs", '{"min_lr_rate": 0.1}']
    recipe = load_recipe(write_recipe(tmp_path, **keys), [*arguments, *more])
    assert recipe.training.learning_rate == 1e-4
    assert recipe.training.max_steps == -1
    assert recipe.training.disable_dropout is True
    assert recipe.script.reward_funcs == ["format", "accuracy"]
    assert recipe.training.beta == 0.04
    assert recipe.model.use_peft is True
    assert recipe.training.lr_scheduler_kwargs == {"min_lr_rate": 0.1}


def test_what_counts_is_a_whole_number_however_it_is_written(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path, num_generations=8.0, max_steps=2.0), [])
    assert isinstance(recipe.training.num_generations, int)
    assert isinstance(recipe.training.max_steps, int)
    assert isinstance(recipe.training.temperature, float)


def test_a_merged_key_may_be_written_over(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("<<: {seed: 1, max_steps: 3}\nseed: 2\nbf16: false\n")
    recipe = load_recipe(tmp_path / "r.yaml", [])
    assert (recipe.training.seed, recipe.training.max_steps) == (2, 3)


def test_what_is_harmless_is_a_warning(tmp_path: Path) -> None:
    keys = {"threads": 2, "callbacks": ["x"], "vllm_importance_sampling_cap": 2.0}
    warnings = " ".join(load_recipe(write_recipe(tmp_path, **keys), []).warnings)
    assert 'The TRL engine does not use "threads".' in warnings
    assert "`callbacks` is not used by this trainer." in warnings
    assert "`vllm_importance_sampling_cap` goes away with TRL 2." in warnings


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    for name, data, message in (
        ("latin.yaml", b"run_name: \xe9\n", "is not a text in UTF-8."),
        ("odd.yaml", b"run_name: \x00\n", "special characters are not allowed"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RecipeError, match=message):
            load_recipe(tmp_path / name, [])
    with pytest.raises(RecipeError, match="There is no recipe"):
        load_recipe(tmp_path / "none.yaml", [])
    with pytest.raises(RecipeError, match="can't be read: Is a directory"):
        load_recipe(tmp_path, [])


def test_weights_are_as_many_as_rewards(tmp_path: Path) -> None:
    for keys, count in (({}, 2), ({"reward_model_name_or_path": "a/b"}, 3)):
        with pytest.raises(RecipeError) as error:
            load_recipe(write_recipe(tmp_path, reward_weights=[1.0], **keys), [])
        told = f"`reward_weights` has 1 values for {count} reward functions."
        assert error.value.message == told


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"bf16": True}, "The recipe wants `bf16`, but PyTorch sees no GPU here."),
        ({"bf16": True, "use_cpu": False}, "The recipe wants `bf16`"),
        ({"fp16": "true"}, "The recipe wants `fp16`"),
        ({"tf32": True}, "The recipe wants `tf32`"),
        (
            {"attn_implementation": "flash_attention_2"},
            "The recipe wants `attn_implementation: flash_attention_2`, but PyTorch sees no GPU",
        ),
    ],
)
def test_no_gpu_where_the_recipe_wants_one(tmp_path: Path, keys: Any, message: str) -> None:
    with pytest.raises(RecipeError, match="wants") as error:
        load_recipe(write_recipe(tmp_path, **keys), [])
    assert error.value.message.startswith(message)
    assert error.value.next_step.startswith("Start it where there is one, or set `")


MISSING = [
    ("vllm", {"use_vllm": True}, "use_vllm: true", "trl[vllm]"),
    ("bitsandbytes", {"load_in_4bit": True, "use_peft": True}, "load_in_4bit: true", None),
    ("liger_kernel", {"use_liger_kernel": True}, "use_liger_kernel: true", "trl[liger]"),
    ("trackio", {"report_to": "trackio"}, "report_to: trackio", None),
    ("mlflow", {"report_to": ["wandb", "mlflow"]}, "report_to: mlflow", None),
    ("deepspeed", {"deepspeed": {"zero_optimization": {}}}, "deepspeed", "trl[deepspeed]"),
]


@pytest.mark.parametrize(("package", "keys", "said", "install"), MISSING)
def test_a_package_that_is_missing(
    tmp_path: Path, package: str, keys: Any, said: str, install: str | None
) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    keys = {**keys, "use_token_adaptive": False}
    with pytest.raises(RecipeError) as error:
        load_recipe(write_recipe(tmp_path, **keys), [])
    assert error.value.message == f"`{said}` needs the package {package}, which is not installed."
    assert error.value.next_step == f'Install it: pip install "{install or package}"'
