"""Where data come from: a name on the Hub, a file, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import load_dataset, load_from_disk

from .errors import PlainError

FORMATS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}
"""Files that can be read, and what `datasets` calls their format."""


@dataclass(frozen=True)
class Source:
    """What a name stands for."""

    path: str
    """A name on the Hub, a folder, or the format of `file`."""
    file: str | None = None
    saved: bool = False
    """Whether the folder is one that `save_to_disk` wrote."""

    @property
    def name(self) -> str:
        """What names it from anywhere on this machine."""
        return self.path if self.file is None else self.file

    def load(self, configuration: str | None = None, split: str | None = None) -> Any:
        """All parts as a `DatasetDict`, or the `Dataset` that is asked for.

        Raises:
            Exception: as `datasets` has them, one for every way to fail
        """
        if self.saved:
            found = load_from_disk(self.path)
            return found if split is None or not isinstance(found, dict) else found[split]
        named = {} if self.file is None else {"data_files": self.file}
        return load_dataset(self.path, configuration, split=split, **named)


def find_source(name: str, folders: Sequence[Path]) -> Source:
    """What `name` stands for; what lies here goes before what the Hub has.

    Args:
        name: of a file, a folder or a data set on the Hub
        folders: where a relative path may begin

    Raises:
        PlainError: it is named like a file, and there is none
    """
    for path in (folder / name for folder in folders):
        if path.is_file() and path.suffix in FORMATS:
            return Source(FORMATS[path.suffix], str(path.resolve()))
        if path.is_dir():
            marks = ("dataset_dict.json", "state.json")
            return Source(str(path.resolve()), saved=any((path / mark).exists() for mark in marks))
    if Path(name).suffix in FORMATS:
        raise PlainError(
            f"There is no file {name}.",
            f"Name a file ({', '.join(FORMATS)}), a folder or a data set on the Hub; it was looked "
            f"for in {' and '.join(dict.fromkeys(str(one.resolve()) for one in folders))}.",
        )
    return Source(name)


def reason_of(error: Exception) -> str:
    """The first line of what a library says."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
