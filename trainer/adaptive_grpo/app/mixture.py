"""Several data sets as one: TRL's `datasets`, and open-r1's `dataset_mixture`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from datasets import DatasetDict, concatenate_datasets
from trl import DatasetMixtureConfig, get_dataset
from trl.scripts.utils import DatasetConfig

from ..errors import RecipeError
from ..sources import find_source

_TRL = tuple(one.name for one in fields(DatasetConfig))
_OPEN_R1 = ("id", "config", "split", "columns", "weight")


def check_mixture(recipe: Mapping[str, Any]) -> list[str]:
    """Looks at what a recipe says of its data.

    Returns:
        What is worth a warning

    Raises:
        RecipeError: it makes no sense
    """
    for key in ("dataset_streaming", "streaming"):
        if recipe.get(key) is True:
            message = f"`{key}` is not supported: prompts are counted before a run begins."
            raise RecipeError(message, f"Set `{key}: false`.")
    found = [key for key in ("datasets", "dataset_mixture") if recipe.get(key) not in (None, [])]
    if len(found) == 2:
        message = "`datasets` and `dataset_mixture` say the same in two ways."
        raise RecipeError(message, "Keep one of them.")
    if not found:
        return []
    key = found[0]
    entries = recipe[key]
    if key == "dataset_mixture":
        if not isinstance(entries, Mapping) or not entries.get("datasets"):
            message = "`dataset_mixture` has no list `datasets`."
            raise RecipeError(message, "Name the data sets to mix there, each with its `id`.")
        _refuse_others(f"`{key}`", entries, ("datasets", "seed", "test_split_size"))
        entries = entries["datasets"]
    known = _TRL if key == "datasets" else _OPEN_R1
    if not isinstance(entries, list):
        raise RecipeError(f"`{key}` must be a list of data sets.", f"Each has a `{known[0]}`.")
    for number, entry in enumerate(entries, 1):
        which = f"Data set {number} of `{key}`"
        if not isinstance(entry, Mapping) or not isinstance(entry.get(known[0]), str):
            raise RecipeError(f"{which} has no `{known[0]}`.", "Say which data set it is.")
        _refuse_others(which, entry, known)
    if recipe.get("dataset_name") is None:
        return []
    return [f"`dataset_name` is not used, because `{key}` is there."]


def load_mixture(script: Any, folders: Sequence[Path]) -> DatasetDict | None:
    """What a recipe mixes; None where it mixes nothing.

    Args:
        script: the recipe's `ScriptArguments`
        folders: where relative paths may begin

    Raises:
        Exception: as `datasets` has them, one for every way to fail
    """
    if script.datasets:
        # What the run records: who goes on with it starts elsewhere.
        script.datasets = [_placed(one, folders) for one in script.datasets]
        # What is held out is cut off by us: TRL would hold out something else in every run.
        return get_dataset(DatasetMixtureConfig(script.datasets))
    if script.dataset_mixture:
        return _open_r1(script.dataset_mixture, folders)
    return None


def _placed(one: DatasetConfig, folders: Sequence[Path]) -> DatasetConfig:
    """The same with its path as `datasets.load_dataset` takes it from anywhere."""
    source = find_source(one.path, folders)
    files = one.data_files if source.file is None else source.file
    return replace(one, path=source.path, data_files=files)


def _open_r1(mixture: Mapping[str, Any], folders: Sequence[Path]) -> DatasetDict:
    """As `open_r1/utils/data.py` has it: `weight` is a share of each data set, drawn at random."""
    seed = mixture.get("seed", 0)
    parts = []
    for one in mixture["datasets"]:
        source = find_source(one["id"], folders)
        data = source.load(one.get("config"), one.get("split", "train"))
        if one.get("columns") is not None:
            data = data.select_columns(one["columns"])
        weight = one.get("weight", 1.0)
        if weight is not None:
            data = data.shuffle(seed=seed).select(range(int(len(data) * weight)))
        parts.append(data)
    whole = concatenate_datasets(parts).shuffle(seed=seed)
    share = mixture.get("test_split_size")
    if share is None:
        return DatasetDict({"train": whole})
    return whole.train_test_split(test_size=share, seed=seed)


def _refuse_others(where: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    other = next((key for key in given if key not in known), None)
    if other is not None:
        said = ", ".join(f"`{one}`" for one in known)
        raise RecipeError(f"{where} has `{other}`, which means nothing there.", f"It takes {said}.")
