"""A round's rollouts on their way to the run directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..generation import TokenTexts
from ..run import SegmentRow
from .rounds import PromptGroup


def recorded_rows(
    groups: Sequence[PromptGroup], step: int, texts: TokenTexts
) -> list[list[SegmentRow]]:
    """The rows of each prompt of one process, numbered as in its round."""
    return [group.recorded(step, texts) for group in groups]


def renumbered(
    processes: Sequence[Sequence[Sequence[SegmentRow]]], first_id: int, groups: int | None
) -> list[SegmentRow]:
    """One list of all processes' rows, under ids that are the run's own.

    Args:
        processes: by process, by prompt
        first_id: the smallest id that is free
        groups: how many prompts are recorded at most; None: all
    """
    rows: list[SegmentRow] = []
    left = groups
    for prompts in processes:
        base = first_id
        for group in prompts if left is None else prompts[:left]:
            for row in group:
                parent = None if row.parent_id is None else base + row.parent_id
                rows.append(replace(row, segment_id=base + row.segment_id, parent_id=parent))
                first_id = max(first_id, base + row.segment_id + 1)
        left = None if left is None else max(0, left - len(prompts))
    return rows
