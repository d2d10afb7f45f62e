"""The final answer of a text, made comparable. The twin of `src/engine/tasks/answer.ts`."""

from __future__ import annotations

import re


def answer_of(text: str) -> str | None:
    r"""After its last `\boxed{…}`, else after its last `#`, else its last number.

    Commas, `$`, spaces and a trailing full stop go, and a number is written in one way only
    (`+018.50` → `18.5`), as text, so that no digit is lost however many there are.
    """
    raw = _last_boxed(text)
    if raw is None:
        raw = _after_hash(text)
    if raw is None:
        numbers = re.findall(r"-?[0-9][0-9,]*(?:\.[0-9]+)?", text)
        raw = numbers[-1] if numbers else None
    return (None if raw is None else _comparable(raw)) or None


def reference_of(text: str) -> str | None:
    """What a reference answer compares as: the answer marked in it, else all of it."""
    raw = _last_boxed(text)
    if raw is None:
        raw = _after_hash(text)
    return _comparable(text if raw is None else raw) or None


def _last_boxed(text: str) -> str | None:
    marker = "\\boxed{"
    start = text.rfind(marker)
    if start < 0:
        return None
    depth = 1
    for at in range(start + len(marker), len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start + len(marker) : at]
    return None


def _after_hash(text: str) -> str | None:
    start = text.rfind("#")
    return None if start < 0 else text[start + 1 :].lstrip().split("\n", 1)[0]


def _comparable(raw: str) -> str:
    text = re.sub(r"\.$", "", re.sub(r"[\s,$]", "", raw))
    number = re.fullmatch(r"([+-]?)([0-9]+)(?:\.([0-9]+))?", text)
    if number is None:
        return text
    sign, whole, fraction = number[1], number[2].lstrip("0") or "0", (number[3] or "").rstrip("0")
    value = f"{whole}.{fraction}" if fraction else whole
    return f"-{value}" if sign == "-" and value != "0" else value
