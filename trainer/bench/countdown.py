"""A task small enough for a real model on the CPU: reach a number from two others.

`python bench/countdown.py FOLDER [--held_out FILE]` writes `train.jsonl` and `test.jsonl`;
`countdown.yaml` trains on the folder with the rewards of this file. A held-out file of one's own
has `numbers` and `target` in each line; lines with other than two numbers are left out. No held-out
problem is in the training part, in either order of its numbers.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_EQUATION = re.compile(r"\s*(\d{1,9})\s*([-+*/])\s*(\d{1,9})\s*=\s*(\d{1,9})\s*", re.ASCII)


def accuracy(
    completions: Sequence[Any], numbers: Sequence[Sequence[int]], target: Sequence[int], **_: Any
) -> list[float]:
    """1 for a true equation that makes the target from both numbers, else 0."""
    told = zip(completions, numbers, target, strict=True)
    return [float(_true(_read(one), given, wanted)) for one, given, wanted in told]


def reaches(completions: Sequence[Any], target: Sequence[int], **_: Any) -> list[float]:
    """1 for an equation that says the target, true or not, else 0: within reach at first."""
    read = [_read(one) for one in completions]
    told = zip(read, target, strict=True)
    return [float(said is not None and said[3] == wanted) for said, wanted in told]


def _read(completion: Any) -> tuple[int, str, int, int] | None:
    text = completion if isinstance(completion, str) else completion[0]["content"]
    found = _EQUATION.fullmatch(text)
    return found and (int(found[1]), found[2], int(found[3]), int(found[4]))


def _true(said: tuple[int, str, int, int] | None, numbers: Sequence[int], target: int) -> bool:
    if said is None:
        return False
    a, sign, b, result = said
    # Whole numbers only: a / b = c is a = b · c.
    holds = {"+": a + b == result, "-": a - b == result, "*": a * b == result}
    holds["/"] = b != 0 and a == b * result
    return holds[sign] and result == target and sorted((a, b)) == sorted(numbers)


def problems(draw: random.Random) -> Iterator[tuple[list[int], int]]:
    """Two numbers from 2 to 30 and what one sign makes of them, without end."""
    while True:
        a, b, sign = draw.randint(2, 30), draw.randint(2, 30), draw.choice("+-*")
        if sign == "-" and a <= b:
            a += b
        yield [a, b], {"+": a + b, "-": a - b, "*": a * b}[sign]


def prompt_of(numbers: Sequence[int], target: int) -> str:
    """What the model reads: short, because a step on the CPU is mostly reading."""
    return f"{numbers[0]}, {numbers[1]}: {target}\n"


def row(number: int, numbers: Sequence[int], target: int) -> dict[str, Any]:
    """A line of the data set."""
    prompt = prompt_of(numbers, target)
    return {"id": f"countdown/{number}", "prompt": prompt, "numbers": [*numbers], "target": target}


def main() -> None:
    """Writes both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held_out", type=Path, help="JSONL with `numbers` and `target`")
    parser.add_argument("--count", type=int, default=600, help="of training problems")
    options = parser.parse_args()
    draw = random.Random(42)
    asked = problems(draw)
    if options.held_out is None:
        held_out = [next(asked) for _ in range(100)]
    else:
        lines = [json.loads(line) for line in options.held_out.read_text("utf8").splitlines()]
        held_out = [(one["numbers"], one["target"]) for one in lines if len(one["numbers"]) == 2]
    taken = {(*sorted(numbers), target) for numbers, target in held_out}
    train: list[tuple[list[int], int]] = []
    while len(train) < options.count:
        numbers, target = next(asked)
        key = (*sorted(numbers), target)
        if key not in taken:
            taken.add(key)
            train.append((numbers, target))
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", train), ("test", held_out)):
        text = "".join(json.dumps(row(i, *one)) + "\n" for i, one in enumerate(part))
        (options.folder / f"{name}.jsonl").write_text(text, "utf8")


if __name__ == "__main__":
    main()
