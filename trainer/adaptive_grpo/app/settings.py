"""A recipe's text as settings with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import RecipeError


@dataclass(frozen=True)
class Setting:
    """What was written for one key."""

    key: str
    value: Any
    where: str
    """Of the key: `sums.yaml:3:1`, or `argument learning_rate`."""
    value_where: str
    is_argument: bool = False
    """Of the command line: a text, as it was typed."""


def read_settings(path: Path) -> tuple[bytes, list[Setting]]:
    """The file, byte for byte, and what it says.

    Raises:
        RecipeError: it can't be read, or is no recipe
    """
    try:
        source = path.read_bytes()
    except FileNotFoundError as error:
        next_step = "Name a recipe such as recipes/adaptive_grpo.yaml."
        raise RecipeError(f"There is no recipe {path}.", next_step) from error
    except OSError as error:
        message = f"The recipe {path} can't be read: {error.strerror}."
        raise RecipeError(message, "Name a YAML file.") from error
    try:
        text = source.decode("utf8")
    except UnicodeDecodeError as error:
        message = f"The recipe {path} is not a text in UTF-8."
        raise RecipeError(message, "Save it as UTF-8.") from error
    try:
        return source, _read(path, text)
    except yaml.MarkedYAMLError as error:
        raise RecipeError(*_broken(path, error)) from error
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise RecipeError(f"{path.name}: error: {reason}.", "Save it as plain text.") from error


def _read(path: Path, text: str) -> list[Setting]:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None or (isinstance(root, yaml.ScalarNode) and root.value == ""):
            problem = "The recipe is empty."
            raise RecipeError(f"{path.name}:1:1: error: {problem}", _START)
        if not isinstance(root, yaml.MappingNode):
            problem = "A recipe is a list of `key: value` lines."
            raise RecipeError(f"{path.name}:1:1: error: {problem}", "See `recipes/`.")
        _check_keys(path, root)
        loader.flatten_mapping(root)
        return _settings(path, loader, root)
    finally:
        loader.dispose()


def argument_settings(arguments: Sequence[str]) -> list[Setting]:
    """What `--key value …` says, as the texts that were typed."""
    found: list[Setting] = []
    for number, argument in enumerate(arguments):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            following = [one for one in arguments[number + 1 : number + 2] if one[:2] != "--"]
            said = value if equals else (following or ["true"])[0]
            place = f"argument {name}"
            found.append(Setting(name, said, place, place, is_argument=True))
    return found


_START = "Start from `recipes/adaptive_grpo.yaml`."


def _check_keys(path: Path, root: yaml.MappingNode) -> None:
    """What YAML, or a recipe, has no use for, and PyYAML takes."""
    seen: set[str] = set()
    for key, _ in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RecipeError(
                f"{_place(path, key.start_mark)}: error: A key must be a plain word.", "Write one."
            )
        if key.value in seen:
            message = (
                f'{_place(path, key.start_mark)}: error: The key "{key.value}" is there twice.'
            )
            raise RecipeError(message, "Keep one of them.")
        seen.add(key.value)


def _settings(path: Path, loader: yaml.SafeLoader, root: yaml.MappingNode) -> list[Setting]:
    found: list[Setting] = []
    for key, value in root.value:
        where = _place(path, key.start_mark)
        read = loader.construct_object(value, deep=True)
        found.append(Setting(str(key.value), read, where, _place(path, value.start_mark)))
    return found


def _broken(path: Path, error: yaml.MarkedYAMLError) -> tuple[str, str]:
    mark, problem = error.problem_mark or error.context_mark, error.problem or ""
    said = f"This is not valid YAML: {problem}."
    if "'\\t'" in problem:
        said = "Lines are indented with spaces here, not with tabs."
    elif "could not find expected ':'" in problem:
        mark, said = error.context_mark or mark, "A `:` is missing after this key."
    elif "expected a single document" in (error.context or ""):
        said = "A recipe is one document; there is a second one after `---`."
    place = path.name if mark is None else _place(path, mark)
    return f"{place}: error: {said}", "Correct the recipe and start again."


def _place(path: Path, mark: yaml.Mark) -> str:
    return f"{path.name}:{mark.line + 1}:{mark.column + 1}"
