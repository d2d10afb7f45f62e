"""Reward functions under open-r1's names.

Each takes the completions (texts, or lists of one message) and the data set's columns, and gives a
number or None ("no opinion") for each.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import PlainError
from .correctness import is_equal, is_right

Reward = Callable[..., Sequence[float | None]]


def text_of(completion: Any) -> str:
    """The text of a completion as TRL hands it over."""
    if isinstance(completion, str):
        return completion
    return str(completion[0]["content"])


def verdicts(completions: Sequence[Any], columns: dict[str, Any]) -> list[bool | None]:
    """Which completions are right; None where the gold answer can't be read, or is missing.

    The column `solution` is read as open-r1 does, as mathematics. Without one, the column `answer`
    counts, where the same text is right as well, as in the built-in engine.

    Raises:
        PlainError: there is neither
    """
    column = next((name for name in ("solution", "answer") if name in columns), None)
    if column is None:
        raise PlainError(
            "The data set has no column `solution` and no column `answer`.",
            "Add one, or take the reward functions that need it out of `reward_funcs`.",
        )
    judge = is_equal if column == "solution" else is_right
    return [
        None if gold is None else judge(text_of(completion), str(gold))
        for completion, gold in zip(completions, columns[column], strict=True)
    ]


def accuracy(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """1 for a right answer, else 0; None where the gold answer can't be read."""
    return [None if one is None else float(one) for one in verdicts(completions, columns)]


def format_(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    r"""1 where thoughts and answer are in their tags, else 0.

    For tasks whose answer is marked with `#` or `\boxed{}` (a column `answer`, no `solution`) it is
    1 where that mark is there, as in the built-in engine.
    """
    marked = "answer" in columns and "solution" not in columns
    pattern = (
        re.compile(r"#\s*[^\s#]|\\boxed\{[^{}]*[^\s{}]")
        if marked
        else re.compile(
            r"^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$", re.DOTALL | re.MULTILINE
        )
    )
    find = pattern.search if marked else pattern.match
    return [float(find(text_of(one)) is not None) for one in completions]


def code_format(language: str) -> Reward:
    """1 where the answer in its tags has a block of code in that language, else 0.

    Args:
        language: of the block, where the data set has no column `language`
    """

    def reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        languages = columns.get("language") or [language] * len(completions)
        rewards: list[float | None] = []
        for completion, one in zip(completions, languages, strict=True):
            block = (
                rf"^<think>\n.*?\n</think>\n<answer>\n.*?```{re.escape(one)}.*?```.*?\n</answer>$"
            )
            match = re.match(block, text_of(completion), re.DOTALL | re.MULTILINE)
            rewards.append(float(match is not None))
        return rewards

    return reward


def tag_count(completions: Sequence[Any], **_: Any) -> list[float | None]:
    """A quarter for each of the four tags that is there once."""
    tags = ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")
    return [sum(0.25 for tag in tags if text_of(one).count(tag) == 1) for one in completions]


def reasoning_steps(completions: Sequence[Any], **_: Any) -> list[float | None]:
    """A third for each sign of a step ("Step 1:", a list, "First,"), at most 1."""
    pattern = r"(Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)"
    return [min(1.0, len(re.findall(pattern, text_of(one))) / 3) for one in completions]


def length(
    completions: Sequence[Any], prompts: Sequence[Any], **columns: Any
) -> list[float | None]:
    """Shorter is better: `0.5 − (len − min) / (max − min)` over the completions of a prompt.

    For wrong answers at most 0; 0 where all are equally long; what can't be judged is not punished.
    All texts that are scored for a prompt are compared, right or wrong: with `prefix_credit: stub`
    also those that were cut, which mostly set min and leave less than 0.5 to what was answered.
    Kimi k1.5, arXiv 2501.12599, 2.3.3. (open-r1 compares all completions of a batch with each
    other, whatever their prompts, and calls a gold answer without LaTeX unreadable.)
    """
    texts = [text_of(one) for one in completions]
    lengths: dict[str, list[int]] = {}
    for prompt, text in zip(prompts, texts, strict=True):
        lengths.setdefault(str(prompt), []).append(len(text))
    rewards: list[float | None] = []
    for prompt, text, right in zip(prompts, texts, verdicts(completions, columns), strict=True):
        own = lengths[str(prompt)]
        low, high = min(own), max(own)
        worth = 0.0 if high == low else 0.5 - (len(text) - low) / (high - low)
        rewards.append(min(0.0, worth) if right is False else worth)
    return rewards


def cosine(
    min_value_wrong: float,
    max_value_wrong: float,
    min_value_correct: float,
    max_value_correct: float,
    max_len: int,
) -> Reward:
    """Right answers are worth more when short, wrong ones less; arXiv 2502.03373, 3.2.

    (In open-r1 the cosine turns back beyond `max_len`, and a gold answer without LaTeX is worth 1,
    whatever the completion; here it stays at its end, and what can't be read has no opinion.)

    Args:
        min_value_wrong: of the shortest wrong answer
        max_value_wrong: of the longest wrong answer
        min_value_correct: of the longest right answer
        max_value_correct: of the shortest right answer
        max_len: where the cosine comes to its end, in characters
    """

    def reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        rewards: list[float | None] = []
        for completion, right in zip(completions, verdicts(completions, columns), strict=True):
            text = text_of(completion)
            if right is None:
                rewards.append(None)
                continue
            low, high = (
                (min_value_correct, max_value_correct)
                if right
                else (max_value_wrong, min_value_wrong)
            )
            bend = 1 + math.cos(min(1.0, len(text) / max_len) * math.pi)
            rewards.append(low + 0.5 * (high - low) * bend)
        return rewards

    return reward


def repetition_penalty(ngram: int, max_penalty: float) -> Reward:
    """`max_penalty` times the share of repeated word sequences; arXiv 2502.03373, C.2.

    Args:
        ngram: words of a sequence
        max_penalty: of a text that only repeats itself; at most 0
    """

    def reward(completions: Sequence[Any], **_: Any) -> list[float | None]:
        rewards: list[float | None] = []
        for completion in completions:
            words = text_of(completion).lower().split()
            every = [tuple(words[i : i + ngram]) for i in range(len(words) - ngram + 1)]
            share = 1 - len(set(every)) / len(every) if every else 0.0
            rewards.append(max_penalty * share)
        return rewards

    return reward
