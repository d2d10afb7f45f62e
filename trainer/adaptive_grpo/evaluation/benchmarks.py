"""Benchmarks by name, or a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PlainError
from ..sources import FORMATS, Source, find_source, reason_of


@dataclass(frozen=True)
class Benchmark:
    """Where one is and how it is spelled."""

    path: str
    part: str
    problem: str
    answer: str
    configuration: str | None = None


HUB = {
    "math500": Benchmark("HuggingFaceH4/MATH-500", "test", "problem", "answer"),
    "math_500": Benchmark("HuggingFaceH4/MATH-500", "test", "problem", "answer"),  # open-r1's name
    "aime24": Benchmark("HuggingFaceH4/aime_2024", "train", "problem", "answer"),
    "amc23": Benchmark("math-ai/amc23", "test", "question", "answer"),
    "gsm8k": Benchmark("openai/gsm8k", "test", "question", "answer", "main"),
}


@dataclass(frozen=True)
class Problem:
    """What is asked, and what is right."""

    prompt: str
    answer: str


def load_benchmark(name: str, folders: Sequence[Path]) -> list[Problem]:
    """The problems of a benchmark.

    Args:
        name: one of `HUB`, or a file with `prompt` (or `problem`, `question`) and `answer` (or
            `solution`)
        folders: where a file, or a file or folder of a benchmark's name, is looked for before the
            Hub

    Raises:
        PlainError: it can't be had, or is empty
    """
    known = HUB.get(name)
    if Path(name).suffix in FORMATS:
        return _problems(name, _rows(name, find_source(name, folders), split="train"))
    for folder in folders:
        for suffix in FORMATS:
            if (folder / f"{name}{suffix}").is_file():
                source = find_source(f"{name}{suffix}", [folder])
                return _problems(name, _rows(name, source, split="train"))
        if known is not None and (folder / name).is_dir():
            return _known(name, known, find_source(name, [folder]))
    if known is None:
        names = ", ".join(HUB)
        message = f"There is no benchmark {name}: neither a file nor one of {names}."
        raise PlainError(message, "Name a JSONL file with `prompt` and `answer`.")
    return _known(name, known, Source(known.path))


def _known(name: str, known: Benchmark, source: Source) -> list[Problem]:
    rows = _rows(name, source, known.configuration, known.part)
    missing = next((one for one in (known.problem, known.answer) if one not in rows[0]), None)
    if missing is not None:
        columns = ", ".join(f"`{one}`" for one in rows[0])
        message = f"{source.name} has no column `{missing}` any more; it has {columns}."
        raise PlainError(message, "Put it as a JSONL file into --benchmark_folder.")
    return [Problem(str(row[known.problem]), str(row[known.answer])) for row in rows]


def _rows(
    name: str, source: Source, configuration: str | None = None, split: str | None = None
) -> list[dict[str, Any]]:
    try:
        rows = list(source.load(configuration, split))
    except Exception as error:  # the library has a class of errors for every way to fail
        message = f"The benchmark {name} can't be loaded: {reason_of(error)}"
        step = "Check the connection to the Hub, or put it as a JSONL file into --benchmark_folder."
        raise PlainError(message, step) from error
    if not rows:
        raise PlainError(f"The benchmark {name} has no problems.", "Choose another one.")
    return rows


def _problems(name: str, rows: list[dict[str, Any]]) -> list[Problem]:
    def column(*names: str) -> str:
        found = next((one for one in names if one in rows[0]), None)
        if found is None:
            known = ", ".join(f"`{one}`" for one in rows[0])
            message = f"{name} has no column `{names[0]}`; it has {known}."
            raise PlainError(message, "Each line is such as {'prompt': '2+2=', 'answer': '4'}.")
        return found

    problem, answer = column("prompt", "problem", "question"), column("answer", "solution")
    return [Problem(str(row[problem]), str(row[answer])) for row in rows]
