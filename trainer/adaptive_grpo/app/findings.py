"""What is wrong with a recipe key by key, in the words of the extension's linter (`src/recipe`)."""

from __future__ import annotations

import difflib
import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import RecipeError
from .keys import BUILT_IN, KEYS, OBSOLETE
from .settings import Setting


def check_settings(settings: Iterable[Setting], known: frozenset[str]) -> list[str]:
    """Looks at each setting by itself.

    Args:
        settings: of the file, then of the command line
        known: keys that the installed TRL and this trainer take

    Returns:
        Warnings

    Raises:
        RecipeError: with a line for each mistake
    """
    errors: list[str] = []
    warnings: list[str] = []
    for setting in settings:
        name = _look_at_name(setting, known)
        if name is not None and name.harmless:
            warnings.append(name.sentence)
        elif name is not None:
            errors.append(f"{setting.where}: error: {name.sentence}")
        else:
            value = _look_at_value(setting)
            errors += [] if value is None else [f"{setting.value_where}: error: {value}"]
    if errors:
        raise RecipeError("\n".join(errors), "Correct the recipe and start again.")
    return warnings


def whole(key: str, value: Any) -> Any:
    """The value of a key that counts something as a count: `8.0` is 8."""
    kinds = {one.get("type") for one in _branches(KEYS.get(key, {}))}
    counts = "integer" in kinds and "number" not in kinds
    return int(value) if counts and isinstance(value, float) else value


def quote(value: Any) -> str:
    """A value as a sentence shows it: short, on one line, without control characters."""
    text = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
    odd = ("Cc", "Cf", "Zl", "Zp")
    line = "".join("·" if unicodedata.category(one) in odd else one for one in text)
    return f"{line[:57]}…" if len(line) > 60 else line


class _Said(NamedTuple):
    sentence: str
    harmless: bool = False


def _look_at_name(setting: Setting, known: frozenset[str]) -> _Said | None:
    key = setting.key
    old = OBSOLETE.get(key)
    if old is not None:
        return _Said(f"{old['message']} {old['suggestion']}", bool(old.get("deprecated")))
    if key in BUILT_IN:
        return _Said(f"The TRL engine does not use {quote(key)}.", not setting.is_argument)
    if key in known:
        return None
    near = difflib.get_close_matches(key.lower().replace("-", "_"), sorted(known), 1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    return _Said(f"There is no key {quote(key)}.{hint}")


def _look_at_value(setting: Setting) -> str | None:
    # A newer TRL may have more keys than the schema; the parser looks at those.
    schema = KEYS.get(setting.key)
    if schema is None or any(fits(one, schema) for one in _readings(setting)):
        return None
    given = "it is empty" if setting.value is None else f"it is {quote(setting.value)}"
    message = f"`{setting.key}` must be {schema['expects']}, but {given}."
    better = _better(setting, schema)
    return message if better is None else f"{message} {better}"


def _readings(setting: Setting) -> list[Any]:
    """A value, and what TRL's parser makes of its text."""
    value = setting.value
    found = [value]
    if isinstance(value, str):
        with suppress(ValueError):
            found.append(float(value))
        if value.lower() in ("true", "false", "yes", "no", "1", "0"):
            found.append(value.lower() in ("true", "yes", "1"))
        if setting.is_argument:
            found += [[one] for one in found] + ([{}] if value.startswith("{") else [])
    return found


def _better(setting: Setting, schema: dict[str, Any]) -> str | None:
    value = setting.value
    if isinstance(value, bool):
        words = ("yes", "on") if value else ("no", "off")
        word = next((one for one in words if fits(one, schema)), None)
        return None if word is None else f'Write it in quotes: `"{word}"`.'
    choices = [one for branch in _branches(schema) for one in branch.get("enum", ())]
    near = difflib.get_close_matches(str(value), map(str, choices), 1)
    if isinstance(value, str) and near:
        return f"Did you mean `{near[0]}`?"
    if fits([value], schema):
        return f"Write it as a list: `[{value}]`."
    return "Give it a value, or leave the key out." if value is None else None


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is what a JSON schema allows, as far as recipes use JSON schemas."""
    return any(_fits(value, branch) for branch in _branches(schema))


def _branches(schema: dict[str, Any]) -> Sequence[dict[str, Any]]:
    if "anyOf" in schema:
        return [one for branch in schema["anyOf"] for one in _branches(branch)]
    kinds = schema.get("type")
    return [{**schema, "type": one} for one in kinds] if isinstance(kinds, list) else [schema]


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    if "const" in schema:
        return bool(value == schema["const"])
    if "enum" in schema:
        return value in schema["enum"] and not isinstance(value, bool)
    match schema.get("type"):
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str) and len(value) >= schema.get("minLength", 0)
        case "object":
            return isinstance(value, dict)
        case "array":
            items = schema.get("items")
            return (
                isinstance(value, list)
                and len(value) >= schema.get("minItems", 0)
                and (not items or all(fits(one, items) for one in value))
            )
        case "number" | "integer" as kind:
            return _is_number(value, kind) and _within(value, schema)
        case _:
            return True


def _is_number(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return kind == "number" or value == int(value)


def _within(value: float, schema: dict[str, Any]) -> bool:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = (
        schema.get("exclusiveMinimum", -math.inf),
        schema.get("exclusiveMaximum", math.inf),
    )
    return bool(low <= value <= high and above < value < below)
