"""A round of TRL's own GRPO, told as trees of roots."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch

from ..strategy import SegmentCredit, SegmentRequest
from .ledger import Ledger
from .observe import observe, unseen
from .prompts import empty_groups, end_tokens_of
from .rounds import PromptGroup, score_of
from .sharing import largest


def baseline_groups(
    trainer: Any,
    ledger: Ledger,
    inputs: Sequence[dict[str, Any]],
    output: dict[str, Any],
    rewards: torch.Tensor,
) -> list[PromptGroup]:
    """What TRL sampled and made of it.

    Where rollouts are recorded, the policy reads them again to say what it thought of each token;
    where not, the values per token are zeros that nobody reads.

    Args:
        trainer: a `GRPOTrainer`, that made the round
        ledger: of the run
        inputs: the data set's rows, one for each completion
        output: of TRL's `_generate_and_score_completions`
        rewards: of this process's completions, (rows, functions), NaN for no opinion
    """
    prompts = _unpadded(output["prompt_ids"], output["prompt_mask"])
    completions = _unpadded(output["completion_ids"], output["completion_mask"])
    # Neighbours with the same prompt are one group, unless there are more than belong together.
    each = trainer.num_generations
    first = trainer.accelerator.process_index * len(inputs)
    tree_of = [(first + row) // each - first // each for row in range(len(inputs))]
    starts = [next(rows) for _, rows in groupby(range(len(inputs)), key=tree_of.__getitem__)]
    groups = empty_groups(trainer, [inputs[i] for i in starts], [prompts[i] for i in starts])
    requests = [
        SegmentRequest(
            tree=tree_of[row],
            segment=row,
            parent=None,
            fork_at=0,
            attempt=0,
            temperature=trainer.temperature,
            watch_from=None,
        )
        for row in range(len(inputs))
    ]
    share = ledger.groups_here(len(groups), trainer.accelerator.num_processes)
    end_tokens = end_tokens_of(trainer)
    # Where parameters are spread over processes, all have to call the model equally often.
    seen = largest(trainer.accelerator, sum(tree < share for tree in tree_of))
    segments = observe(
        trainer.model,
        prompts[:seen],
        completions[:seen],
        requests[:seen],
        end_tokens=end_tokens,
        capture_top_k=ledger.capture.top_k,
        capture_below=ledger.capture.below,
        rows_at_once=trainer.args.per_device_train_batch_size,
    )
    segments += [
        unseen(tokens, request, end_tokens)
        for tokens, request in zip(completions[seen:], requests[seen:], strict=True)
    ]
    names, weights = trainer.reward_func_names, trainer.reward_weights.tolist()
    advantages = output["advantages"].tolist()
    for segment, row, advantage in zip(segments, rewards.tolist(), advantages, strict=True):
        group = groups[segment.request.tree]
        score = score_of(names, row, weights)
        group.segments.append(segment)
        group.scores[segment.segment] = score
        length = len(segment.token_ids)
        group.credits.append(
            SegmentCredit(
                segment=segment.segment,
                value=score.reward,
                advantage=np.full(length, advantage),
                weight=np.ones(length),
                trained=True,
            )
        )
    return groups


def _unpadded(ids: torch.Tensor, mask: torch.Tensor) -> list[list[int]]:
    kept = mask.bool()
    return [row[own].tolist() for row, own in zip(ids, kept, strict=True)]
