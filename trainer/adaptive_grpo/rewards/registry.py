"""The reward functions of a recipe."""

from __future__ import annotations

import importlib
import inspect
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from numbers import Real
from typing import Any

from ..errors import PlainError, RecipeError
from . import functions
from .functions import Reward


@dataclass
class RewardOptions:
    """Numbers that reward functions take, by their names in a recipe (open-r1's)."""

    cosine_min_value_wrong: float = 0.0
    cosine_max_value_wrong: float = -0.5
    cosine_min_value_correct: float = 0.5
    cosine_max_value_correct: float = 1.0
    cosine_max_len: int = 1000
    repetition_n_grams: int = 3
    repetition_max_penalty: float = -1.0
    max_completion_len: int = 16384
    soft_punish_cache: int = 4096
    code_language: str = "python"
    reward_model_name_or_path: str | None = None


def _trl(name: str) -> Callable[[RewardOptions], Reward]:
    def load(options: RewardOptions) -> Reward:
        from trl import rewards

        function: Any = getattr(rewards, name)
        if name == "get_soft_overlong_punishment":
            return function(options.max_completion_len, options.soft_punish_cache)  # type: ignore[no-any-return]
        return function  # type: ignore[no-any-return]

    return load


REGISTRY: dict[str, Callable[[RewardOptions], Reward]] = {
    "accuracy": lambda _: functions.accuracy,
    "format": lambda _: functions.format_,
    "tag_count": lambda _: functions.tag_count,
    "reasoning_steps": lambda _: functions.reasoning_steps,
    "length": lambda _: functions.length,
    "cosine": lambda o: functions.cosine(
        o.cosine_min_value_wrong,
        o.cosine_max_value_wrong,
        o.cosine_min_value_correct,
        o.cosine_max_value_correct,
        o.cosine_max_len,
    ),
    "repetition_penalty": lambda o: functions.repetition_penalty(
        o.repetition_n_grams, o.repetition_max_penalty
    ),
    "code_format": lambda o: functions.code_format(o.code_language),
    "soft_overlong_punishment": _trl("get_soft_overlong_punishment"),
    "get_soft_overlong_punishment": _trl("get_soft_overlong_punishment"),
    "accuracy_reward": _trl("accuracy_reward"),
    "reasoning_accuracy_reward": _trl("reasoning_accuracy_reward"),
    "think_format_reward": _trl("think_format_reward"),
}


_RUN_CODE = ("code", "binary_code", "ioi_code", "cf_code")
"""Of open-r1."""


def reward_functions(names: Sequence[str], options: RewardOptions) -> list[Reward | str]:
    """The functions of a recipe's `reward_funcs`: names, or a user's own `module:function`.

    Before them comes the reward model, if there is one: by its name, which TRL loads.

    Raises:
        RecipeError: there is no such function, or no such model
    """
    if not names:
        raise RecipeError("`reward_funcs` is empty.", "Name at least one, such as `accuracy`.")
    if len(set(names)) < len(names):
        message = "`reward_funcs` names a function twice."
        raise RecipeError(message, "Use `reward_weights` instead.")
    model = options.reward_model_name_or_path
    return [
        *([] if model is None else [_known(model)]),
        *(_guarded(name, _load(name, options)) for name in names),
    ]


def _known(model: str) -> str:
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        message = f"The reward model {model} can't be loaded: {reason}"
        step = "Check `reward_model_name_or_path`, and the connection to the Hub."
        raise RecipeError(message, step) from error
    return model


def _load(name: str, options: RewardOptions) -> Reward:
    if name in REGISTRY:
        return REGISTRY[name](options)
    if name in _RUN_CODE:
        message = f'The trainer has no reward function "{name}", which runs programs.'
        raise RecipeError(message, "Your own functions are named as `module.function`.")
    module, _, function = name.rpartition(":" if ":" in name else ".")
    if not module:
        known = ", ".join(f"`{one}`" for one in REGISTRY)
        message = f"There is no reward function `{name}`."
        raise RecipeError(message, f"Take one of {known}, or a `module:function` of your own.")
    if str(os.getcwd()) not in sys.path:  # noqa: PTH109
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        found: Any = getattr(importlib.import_module(module), function)
    except Exception as error:  # the module is somebody's own, and so are its mistakes
        reason = f"{error}" if isinstance(error, ImportError | AttributeError) else repr(error)
        message = f"The reward function `{name}` can't be imported: {reason}."
        raise RecipeError(message, "It is looked for from the folder you start in.") from error
    if not callable(found):
        raise RecipeError(f"`{name}` is not a function.", "Name one that takes `completions`.")
    return found  # type: ignore[no-any-return]


def _guarded(name: str, function: Reward) -> Reward:
    """A mistake in a reward function is said in a sentence that names the function."""
    fix = f"Mend the reward function `{name}` and resume the run from its last checkpoint."

    def checked(answers: Any, count: int) -> list[float | None]:
        # An array or a tensor is as good as a list.
        listed = answers.tolist() if hasattr(answers, "tolist") else answers
        if not isinstance(listed, Sequence) or isinstance(listed, str) or len(listed) != count:
            many = isinstance(listed, Sequence) and not isinstance(listed, str)
            found = len(listed) if many else type(answers).__name__
            raise PlainError(f"`{name}` returned {found} rewards for {count} completions.", fix)
        return [one_of(answer) for answer in listed]

    def one_of(answer: Any) -> float | None:
        if hasattr(answer, "tolist"):
            answer = answer.tolist()
        # Not a number: no opinion, as TRL has it.
        if answer is None or (isinstance(answer, Real) and math.isnan(answer)):
            return None
        if not isinstance(answer, Real):
            raise PlainError(f"`{name}` returned {answer!r}, which is no number.", fix)
        if math.isinf(answer):
            raise PlainError(f"`{name}` returned {answer}; a reward has to be finite.", fix)
        return float(answer)

    def raised(error: Exception) -> PlainError:
        message = f"`{name}` raised {type(error).__name__}: {error}."
        if isinstance(error, TypeError) and "unexpected keyword argument" in str(error):
            # Columns of the data set come by their names, whether it looks at them or not.
            return PlainError(message, f"Let `{name}` take `**kwargs` as well.")
        return PlainError(message, fix)

    # An object may be a coroutine function too.
    call: Any = function
    if any(inspect.iscoroutinefunction(one) for one in (function, type(function).__call__)):

        @wraps(function)
        async def asynchronous(completions: Sequence[Any], **columns: Any) -> list[float | None]:
            try:
                answers = await call(completions=completions, **columns)
            except PlainError:
                raise
            except Exception as error:
                raise raised(error) from error
            return checked(answers, len(completions))

        asynchronous.__name__ = name
        return asynchronous  # type: ignore[return-value]

    @wraps(function)
    def synchronous(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        try:
            answers = function(completions=completions, **columns)
        except PlainError:
            raise
        except Exception as error:
            raise raised(error) from error
        return checked(answers, len(completions))

    # TRL names metrics after it.
    synchronous.__name__ = name
    return synchronous
