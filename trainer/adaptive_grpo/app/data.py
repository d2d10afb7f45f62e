"""The data set of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoTokenizer

from ..errors import PlainError
from ..sources import find_source, reason_of
from ..training.prompts import NO_END
from .mixture import load_mixture
from .recipe import Recipe

_EMPTY = ("The data set is empty.", "Choose another `dataset_name`.")


def load_tokenizer(recipe: Recipe) -> Any:
    """The tokenizer of the recipe's model.

    Raises:
        PlainError: there is none, or it can't end a completion
    """
    name = recipe.model.model_name_or_path
    if name is None:
        raise PlainError("The recipe names no model.", "Set `model_name_or_path`.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            name,
            revision=recipe.model.model_revision,
            trust_remote_code=getattr(recipe.model, "trust_remote_code", False),
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        message = f"The model {name} can't be loaded: {reason}"
        step = "Check `model_name_or_path`, and the connection to the Hub."
        raise PlainError(message, step) from error
    if recipe.script.chat_template is not None:
        tokenizer.chat_template = recipe.script.chat_template
    if tokenizer.eos_token_id is None:
        raise PlainError(*NO_END)
    return tokenizer


def load_data(recipe: Recipe, tokenizer: Any) -> tuple[Any, Any]:
    """Training and evaluation data, with `prompt` and `prompt_id`; the latter None without use.

    Raises:
        PlainError: it can't be had, has no prompts, or too few
    """
    script = recipe.script
    parts, name = _load(recipe)
    train = _split(parts, script.dataset_train_split, name)
    share = script.test_split_size
    if share is not None and script.dataset_test_split not in parts:
        if not 0 < share < 1 or len(train) < 2:
            message = f"`test_split_size: {share}` leaves nothing to train on, or nothing to test."
            raise PlainError(message, "It is a share between 0 and 1, such as 0.1.")
        # By the seed of nothing: what is held out stays held out in every run.
        halves = train.train_test_split(test_size=share, seed=0)
        parts = {script.dataset_test_split: halves["test"]}
        train = halves["train"]
    train = _with_prompts(train, recipe, tokenizer, "train")
    needed = recipe.training.generation_batch_size // recipe.training.num_generations
    if len(train) < needed:
        raise PlainError(
            f"The data set has too few prompts: {len(train)}, while a step takes {needed}.",
            "Use a larger one, or lower per_device_train_batch_size.",
        )
    evaluated = None
    if recipe.training.eval_strategy != "no":
        evaluated = _split(parts, script.dataset_test_split, name)
        evaluated = _with_prompts(evaluated, recipe, tokenizer, "test")
    return train, evaluated


def _load(recipe: Recipe) -> tuple[Mapping[str, Any], str]:
    """All parts, and what to call them."""
    script = recipe.script
    folders = [Path(), recipe.path.parent]
    name = "The mixture"
    try:
        parts: Any = load_mixture(script, folders)
        if parts is None:
            if script.dataset_name is None:
                raise PlainError("The recipe names no data set.", "Set `dataset_name`.")
            name = f"The data set {script.dataset_name}"
            source = find_source(script.dataset_name, folders)
            # What the run records: who goes on with it starts elsewhere.
            script.dataset_name = source.name
            parts = source.load(script.dataset_config)
    except PlainError:
        raise
    except Exception as error:  # the library has a class of errors for every way to fail
        # So it says of files without a line, and of files without a row.
        if isinstance(error, StopIteration) or "corresponds to no data" in str(error):
            raise PlainError(*_EMPTY) from error
        message = f"{name} can't be loaded: {reason_of(error)}"
        step = "Check what the recipe says of its data, and the connection to the Hub."
        raise PlainError(message, step) from error
    return ({script.dataset_train_split: parts} if isinstance(parts, Dataset) else parts), name


def _split(parts: Mapping[str, Any], split: str, name: str) -> Any:
    if split in parts:
        return parts[split]
    known = ", ".join(f"`{one}`" for one in parts)
    step = "Choose one of them, or set `test_split_size` to hold a share of it out."
    raise PlainError(f"{name} has no part `{split}`; it has {known}.", step)


def _with_prompts(data: Any, recipe: Recipe, tokenizer: Any, part: str) -> Any:
    column = recipe.script.dataset_prompt_column
    if column not in data.column_names:
        known = ", ".join(f"`{one}`" for one in data.column_names)
        message = f"The data set has no column `{column}`; it has {known}."
        raise PlainError(message, "Set `dataset_prompt_column` to the one that holds the prompt.")
    if len(data) == 0:
        raise PlainError(*_EMPTY)
    system = recipe.script.system_prompt
    chats = tokenizer.chat_template is not None
    if system is not None and not chats:
        raise PlainError(
            "The recipe has a `system_prompt`, but the tokenizer has no chat template for it.",
            "Take it out, set `chat_template`, or choose a model that was trained on chats.",
        )

    def convert(row: dict[str, Any], number: int) -> dict[str, Any]:
        prompt = row[column]
        known = isinstance(prompt, str) or (
            isinstance(prompt, list) and all(isinstance(one, dict) for one in prompt)
        )
        if not known or not prompt:
            raise PlainError(
                f"The prompt of row {number} of the data set is empty or no text.",
                f"Mend the column `{column}`, or take the row out.",
            )
        if chats:
            messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
            # What the data itself begins with stays; open-r1, whose key it is, has texts only.
            begun = system is None or messages[0].get("role") == "system"
            prompt = messages if begun else [{"role": "system", "content": system}, *messages]
        return {"prompt": prompt, "prompt_id": str(row.get("id") or f"{part}/{number}")}

    surplus = [name for name in ("messages", column) if name in data.column_names]
    return data.map(
        convert, with_indices=True, remove_columns=[n for n in surplus if n != "prompt"]
    )
