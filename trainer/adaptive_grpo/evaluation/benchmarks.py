"""Benchmarks by name, or a file of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import load_dataset

from ..errors import PlainError

_LOCAL = {".jsonl": "json", ".json": "json", ".parquet": "parquet"}


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
    "aime24": Benchmark("HuggingFaceH4/aime_2024", "train", "problem", "answer"),
    "amc23": Benchmark("math-ai/amc23", "test", "question", "answer"),
    "gsm8k": Benchmark("openai/gsm8k", "test", "question", "answer", "main"),
}


@dataclass(frozen=True)
class Problem:
    """What is asked, and what is right."""

    prompt: str
    answer: str


def load_benchmark(name: str, folder: Path | None) -> list[Problem]:
    """The problems of a benchmark.

    Args:
        name: one of `HUB`, or a JSONL, JSON or parquet file with `prompt` (or `problem`,
            `question`) and `answer` (or `solution`)
        folder: where files of the benchmarks' names are looked for before the Hub

    Raises:
        PlainError: it can't be had, or is empty
    """
    for path in _places(name, folder):
        if path.is_file():
            rows = _rows(name, _LOCAL[path.suffix], data_files=str(path), split="train")
            return _problems(name, rows)
    known = HUB.get(name)
    if known is None:
        names = ", ".join(HUB)
        message = f"There is no benchmark {name}: neither a file nor one of {names}."
        raise PlainError(message, "Name a JSONL file with `prompt` and `answer`.")
    rows = _rows(name, known.path, known.configuration, split=known.part)
    return [Problem(str(row[known.problem]), str(row[known.answer])) for row in rows]


def _places(name: str, folder: Path | None) -> list[Path]:
    if Path(name).suffix in _LOCAL:
        return [Path(name)]
    return [] if folder is None else [folder / f"{name}{suffix}" for suffix in _LOCAL]


def _rows(name: str, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
    try:
        rows = list(load_dataset(*arguments, **options))
    except Exception as error:  # the library has a class of errors for every way to fail
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"The benchmark {name} can't be loaded: {reason}"
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
