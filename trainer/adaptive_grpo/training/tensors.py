"""A round's trees as the tensors of TRL's loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .rows import CompletionRow


def tree_tensors(
    rows: Sequence[CompletionRow | None],
    shape: tuple[int, int],
    *,
    loss_type: str,
    importance_clip: float | None,
    totals: Sequence[float],
    device: torch.device,
) -> dict[str, Any]:
    """What takes the place of TRL's advantages and of its loss mask.

    TRL's loss is a sum over tokens of `mask · loss / normalizer`. With w the weight of a token, m
    the mass of a row and T its number of completion tokens, the coefficient of a token is to be
    (`src/engine/compute/loss.ts`):

    - `grpo`: w / T / Σm
    - `bnpo`: w / Σw of the micro-batch
    - `dr_grpo`: w / max_completion_length / Σm
    - `dapo`: w / Σw of all rows

    With every weight and mass 1 these are TRL's. `grpo` is computed as a `dapo` whose mask is w / T
    and whose number of items is Σm. The importance weight is never negative, so it may go into the
    advantage: min and clip commute with it, and the divergence is left alone.

    Args:
        rows: of this process, in the order of TRL's; None fills a place
        shape: (rows, tokens) of TRL's `completion_ids`
        loss_type: the recipe's
        importance_clip: upper bound of an importance weight; None where TRL's loss has its own
        totals: of all processes: Σw, Σm and the number of rows
        device: where the tensors are

    Returns:
        advantages and tool_mask, (rows, tokens), and num_items_in_batch
    """
    weights, masses, count = totals
    advantages, mask = torch.zeros(shape), torch.zeros(shape)
    for number, row in enumerate(rows):
        if row is None:
            continue
        length = len(row.completion_ids)
        worth = row.advantage
        if importance_clip is not None:
            worth = worth * row.importance(importance_clip)
        scale = 1.0
        if loss_type == "grpo":
            scale = 1 / max(1, length)
        elif loss_type == "dr_grpo":
            scale = count / max(masses, 1e-9)
        advantages[number, :length] = torch.from_numpy(worth)
        mask[number, :length] = torch.from_numpy(row.weight * scale)
    items = masses if loss_type == "grpo" else weights
    return {
        "advantages": advantages.to(device),
        "tool_mask": mask.to(device),
        "num_items_in_batch": torch.tensor(items, device=device),
    }
