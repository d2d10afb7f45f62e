"""A segment as a row of `rollouts.arrows`, and how rows become an Arrow message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..strategy import SegmentStatus, Trigger
from .schema import SCHEMA

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Alternatives:
    """What else the policy might have said at one token, best first; both of the same length."""

    ids: Ints
    logprobs: Floats
    """Natural log, at temperature 1."""


@dataclass(frozen=True, kw_only=True)
class SegmentRow:
    """One row; `src/run/model/segment.ts` says what each field means.

    All values per token are arrays of as many entries as `token_ids` has. Positions count tokens
    of the completion along the path, from 0 at the first token after the prompt.
    """

    step: int
    prompt_id: str
    prompt: str | None
    segment_id: int
    parent_id: int | None
    fork_at: int
    attempt: int
    kind: Literal["root", "resample", "probe"]
    status: SegmentStatus
    trigger: Trigger | None = None
    failure_point: int | None = None
    failure_max_prob: float | None = None
    failure_entropy: float | None = None
    failure_top: Alternatives | None = None
    temperature: float
    rewards: Mapping[str, float] | None
    reward: float | None
    value: float | None
    trained: bool
    token_ids: Ints
    text: str
    token_ends: Ints
    """Where each token ends in `text`, in Unicode code points."""
    logprob: Floats
    entropy: Floats
    max_prob: Floats
    advantage: Floats
    ref_logprob: Floats | None = None
    train_logprob: Floats | None = None
    top: Mapping[int, Alternatives] = field(default_factory=dict)
    """By index into this segment's tokens; equally many alternatives for each."""


_PER_TOKEN = ("token_ends", "logprob", "entropy", "max_prob", "advantage")
_PER_TOKEN_OPTIONAL = ("ref_logprob", "train_logprob")


def encode_schema() -> bytes:
    """The Arrow message every `rollouts.arrows` begins with."""
    return bytes(SCHEMA.serialize())


def encode_batch(rows: Sequence[SegmentRow]) -> bytes:
    """One Arrow record batch message, a multiple of 8 bytes, that holds `rows`.

    Raises:
        ValueError: a row's arrays don't belong together
    """
    for row in rows:
        _check(row)
    cells = [_cells(row) for row in rows]
    columns = [pa.array([cell[one.name] for cell in cells], one.type) for one in SCHEMA]
    return bytes(pa.RecordBatch.from_arrays(columns, schema=SCHEMA).serialize())


def _cells(row: SegmentRow) -> dict[str, Any]:
    top = sorted(row.top.items())
    rewards = None if row.rewards is None else list(row.rewards.items())
    failure_top = row.failure_top
    own: dict[str, Any] = {
        "rewards": rewards,
        "failure_top_ids": None if failure_top is None else _ints(failure_top.ids),
        "failure_top_logprobs": None if failure_top is None else _floats(failure_top.logprobs),
        "text": _whole(row.text),
        "prompt": None if row.prompt is None else _whole(row.prompt),
        "token_ids": _ints(row.token_ids),
        "token_ends": None if _one_character_each(row) else _ints(row.token_ends),
        "logprob": _floats(row.logprob),
        "entropy": _halves(row.entropy),
        "max_prob": _halves(row.max_prob),
        "advantage": _halves(row.advantage),
        "ref_logprob": None if row.ref_logprob is None else _floats(row.ref_logprob),
        "train_logprob": None if row.train_logprob is None else _floats(row.train_logprob),
        "top_index": _ints([index for index, _ in top]),
        "top_ids": _ints([token for _, one in top for token in one.ids]),
        "top_logprobs": _halves([value for _, one in top for value in one.logprobs]),
    }
    return {name: own[name] if name in own else getattr(row, name) for name in SCHEMA.names}


def _whole(text: str) -> str:
    """A lone surrogate becomes U+FFFD, one character for one."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _ints(values: Sequence[int] | Ints) -> Ints:
    return np.asarray(values, np.int32)


def _floats(values: Sequence[float] | Floats) -> Floats:
    return np.asarray(values, np.float32)


def _halves(values: Sequence[float] | Floats) -> NDArray[np.float16]:
    # From double precision in one rounding, as the TypeScript writer does.
    return np.asarray(values, np.float64).astype(np.float16)


def _one_character_each(row: SegmentRow) -> bool:
    """Whether `token_ends` says nothing."""
    ends, characters = list(row.token_ends), len(row.text)
    plain = [min(i + 1, characters) for i in range(len(ends))]
    return characters <= len(ends) and ends == plain


def _check(row: SegmentRow) -> None:
    """A row whose arrays disagree would be read back as something else."""
    length = len(row.token_ids)
    for name in (*_PER_TOKEN, *_PER_TOKEN_OPTIONAL):
        values = getattr(row, name)
        if values is not None and len(values) != length:
            found = f"{name} has {len(values)} values for {length} tokens"
            raise ValueError(f"segment {row.segment_id}: {found}")
    if any(not 0 <= index < length for index in row.top):
        raise ValueError(f"segment {row.segment_id}: alternatives of a token it hasn't got")
    sizes = {(len(one.ids), len(one.logprobs)) for one in row.top.values()}
    if len(sizes) > 1 or any(ids != logprobs for ids, logprobs in sizes):
        raise ValueError(f"segment {row.segment_id}: its tokens have unequally many alternatives")
    if row.parent_id is not None and row.parent_id >= row.segment_id:
        raise ValueError(f"segment {row.segment_id}: its parent {row.parent_id} comes after it")
