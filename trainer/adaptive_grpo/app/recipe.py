"""A recipe: TRL's script, GRPO and model arguments plus ours, in one flat YAML file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn

from trl import DatasetMixtureConfig, ModelConfig, TrlParser
from trl import ScriptArguments as TrlScriptArguments

from ..errors import RecipeError
from ..rewards import RewardOptions
from ..training import AdaptiveGRPOConfig
from .findings import check_settings, whole
from .keys import BUILT_IN
from .mixture import check_mixture
from .needs import check_machine, check_packages, has_accelerator
from .settings import argument_settings, read_settings

_NOT_USED = frozenset(
    {
        "callbacks",
        "code_eval_scoring_mode",
        "code_eval_test_batch_size",
        "code_provider",
        "e2b_router_url",
        "hub_model_revision",
        "ioi_provider",
        "morph_router_url",
        "overwrite_hub_revision",
        "parallel_code_exec_per_proc",
        "push_to_hub_revision",
    }
)
"""Keys of open-r1 that this trainer does without."""

_WANDB = {
    "wandb_entity": "WANDB_ENTITY",
    "wandb_project": "WANDB_PROJECT",
    "wandb_run_group": "WANDB_RUN_GROUP",
}


@dataclass
class ScriptArguments(RewardOptions, DatasetMixtureConfig, TrlScriptArguments):  # type: ignore[misc]
    """What is trained on, and what counts. Names are TRL's and open-r1's."""

    engine: str = field(default="trl", metadata={"help": "Which trainer runs the recipe: trl."})
    dataset_mixture: dict | None = field(  # type: ignore[type-arg]
        default=None, metadata={"help": "Data sets to mix, as open-r1 has it."}
    )
    dataset_prompt_column: str = field(
        default="prompt", metadata={"help": "The column that holds the prompt."}
    )
    system_prompt: str | None = field(
        default=None, metadata={"help": "The system message before each prompt that brings none."}
    )
    chat_template: str | None = field(
        default=None, metadata={"help": "A chat template in place of the model's own (Jinja)."}
    )
    reward_funcs: list[str] = field(
        default_factory=lambda: ["accuracy", "format", "tag_count"],
        metadata={"help": "The functions that score a completion."},
    )
    test_split_size: float | None = field(
        default=None, metadata={"help": "Share of the data that is held out where no part is."}
    )
    benchmarks: list[str] = field(
        default_factory=list,
        metadata={"help": "Tried when the run is done: math500, aime24, amc23, gsm8k or files."},
    )
    wandb_entity: str | None = None
    wandb_project: str | None = None
    wandb_run_group: str | None = None


@dataclass(frozen=True)
class Recipe:
    """A recipe, resolved."""

    path: Path
    source: bytes
    """The file, byte for byte."""
    script: ScriptArguments
    training: AdaptiveGRPOConfig
    model: Any
    """A `ModelConfig`."""
    written: Mapping[str, Any]
    """What the file and the command line say, as they say it."""
    warnings: Sequence[str]

    def flat(self) -> dict[str, Any]:
        """Every key that the recipe knows, as `run.json` keeps it."""
        values = {**asdict(self.script), **self.training.to_dict(), **asdict(self.model)}
        return {key: _plain(value) for key, value in values.items() if _is_plain(value)}


def load_recipe(path: Path, overrides: Sequence[str]) -> Recipe:
    """Reads a recipe.

    Args:
        path: of the YAML file
        overrides: `--key value …` as on the command line; they have the last word

    Raises:
        RecipeError: something in it is wrong
    """
    source, settings = read_settings(path)
    values = {one.key: one.value for one in settings}
    if values.get("engine", "trl") != "trl":
        message = f"{path} is a recipe for the engine `{values['engine']}`."
        raise RecipeError(message, "Set `engine: trl` to train it with TRL.")
    arguments = [_spelled(one) for one in overrides]
    said = argument_settings(arguments)
    warnings = check_settings(settings, _known() | _NOT_USED) + check_settings(said, _known())
    warnings += [f"`{key}` is not used by this trainer." for key in sorted(_NOT_USED & set(values))]
    warnings += check_mixture(values)
    others = _NOT_USED | set(BUILT_IN)
    used = {key: whole(key, value) for key, value in values.items() if key not in others}
    for key, value in dict(used.pop("env", None) or {}).items():
        os.environ[str(key)] = str(value)
    written = {**values, **{one.key: one.value for one in said}}
    check_machine(written)
    if not has_accelerator():
        used["bf16"] = False
    parser = _parser()
    parser.set_defaults_with_config(**used)
    try:
        script, training, model = parser.parse_args_into_dataclasses(args=arguments)
    except (ValueError, TypeError) as error:
        raise RecipeError(f"{path}: {error}", "Change the recipe.") from error
    check_packages(training, model)
    _check_weights(script, training)
    model.model_name_or_path = _placed(model.model_name_or_path, path)
    script.reward_model_name_or_path = _placed(script.reward_model_name_or_path, path)
    for key, name in _WANDB.items():
        if getattr(script, key) is not None:
            os.environ[name] = getattr(script, key)
    return Recipe(path, source, script, training, model, written, warnings)


def _check_weights(script: ScriptArguments, training: AdaptiveGRPOConfig) -> None:
    weights = training.reward_weights
    count = len(script.reward_funcs) + (script.reward_model_name_or_path is not None)
    if weights is not None and len(weights) != count:
        message = f"`reward_weights` has {len(weights)} values for {count} reward functions."
        step = "Give one weight for each of `reward_funcs`, or leave it empty."
        raise RecipeError(message, step)


def _placed(name: str | None, recipe: Path) -> str | None:
    """A folder here or beside the recipe so that it is found from anywhere; else the name."""
    places = [] if name is None else [Path(name), recipe.parent / name]
    return next((str(place.resolve()) for place in places if place.exists()), name)


def _parser() -> Any:
    parser = TrlParser((ScriptArguments, AdaptiveGRPOConfig, ModelConfig), allow_abbrev=False)

    def error(message: str) -> NoReturn:
        raise RecipeError(f"The recipe or the command line is wrong: {message}.", "Change it.")

    parser.error = error
    return parser


def _known() -> frozenset[str]:
    types = (ScriptArguments, AdaptiveGRPOConfig, ModelConfig)
    return frozenset({one.name for type_ in types for one in fields(type_)} | {"env"})


def _spelled(argument: str) -> str:
    """`-` and `_` are the same in the name of a key."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return f"--{name[2:].replace('-', '_')}{equals}{value}"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list)


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return str(value)
    return (
        [one if _is_plain(one) or isinstance(one, dict) else str(one) for one in value]
        if isinstance(value, list)
        else value
    )
