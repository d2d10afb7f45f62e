"""What the policy thought of completions that TRL's own GRPO generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ..generation import GeneratedSegment
from ..run.rows import Alternatives
from ..strategy import SegmentRequest


@torch.no_grad()
def observe(
    model: torch.nn.Module,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    requests: Sequence[SegmentRequest],
    *,
    end_tokens: frozenset[int],
    capture_top_k: int,
    capture_below: float,
    rows_at_once: int,
) -> list[GeneratedSegment]:
    """Reads whole completions again, in forward passes of `rows_at_once`, and describes each token.

    Args:
        model: a causal language model, as it was when it sampled them
        prompts: token ids, one for each completion
        completions: token ids, none empty
        requests: as which segment each is to be known; roots, at the recipe's temperature
        end_tokens: a completion that ends with one of them is complete
        capture_top_k: alternatives to keep of a token
        capture_below: whose max prob is below this
        rows_at_once: completions in one pass
    """
    device = next(model.parameters()).device
    found: list[GeneratedSegment] = []
    training = model.training
    model.eval()  # as it samples: without dropout
    try:
        for first in range(0, len(completions), rows_at_once):
            chunk = range(first, min(first + rows_at_once, len(completions)))
            width = max(len(prompts[i]) + len(completions[i]) for i in chunk)
            ids = torch.zeros(len(chunk), width, dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, i in enumerate(chunk):
                whole = [*prompts[i], *completions[i]]
                ids[row, : len(whole)] = torch.tensor(whole)
                mask[row, : len(whole)] = 1
            logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
            for row, i in enumerate(chunk):
                start = len(prompts[i]) - 1
                own = logits[row, start : start + len(completions[i])].float()
                found.append(
                    _described(
                        own, completions[i], requests[i], end_tokens, capture_top_k, capture_below
                    )
                )
    finally:
        model.train(training)
    return found


def _described(
    logits: torch.Tensor,
    tokens: Sequence[int],
    request: SegmentRequest,
    end_tokens: frozenset[int],
    capture_top_k: int,
    capture_below: float,
) -> GeneratedSegment:
    """Logits: (tokens, vocabulary), at temperature 1."""
    chosen = torch.tensor(tokens, device=logits.device)[:, None]
    logprobs = logits.log_softmax(-1)
    hot = (logits / request.temperature).log_softmax(-1).gather(-1, chosen)[:, 0]
    entropy = -(logprobs.exp() * logprobs).nan_to_num(0.0).sum(-1)
    max_prob = logprobs.amax(-1).exp().half().float().cpu().numpy()
    unsure = np.flatnonzero(max_prob < capture_below)
    count = min(capture_top_k, logits.shape[-1])
    top: dict[int, Alternatives] = {}
    if count > 0 and len(unsure) > 0:
        best = logprobs[torch.from_numpy(unsure).to(logits.device)].topk(count, dim=-1)
        ids, values = best.indices.int().cpu().numpy(), best.values.cpu().numpy()
        top = {int(at): Alternatives(ids[i], values[i]) for i, at in enumerate(unsure)}
    logprob = hot.cpu().numpy().astype(np.float32)
    return replace(
        unseen(tokens, request, end_tokens),
        logprob=logprob,
        train_logprob=logprob,
        entropy=entropy.clamp(min=0).half().float().cpu().numpy(),
        max_prob=max_prob,
        top=top,
    )


def unseen(
    tokens: Sequence[int], request: SegmentRequest, end_tokens: frozenset[int]
) -> GeneratedSegment:
    """A whole completion of whose tokens nothing is known: all values are 0."""
    zeros = np.zeros(len(tokens), np.float32)
    return GeneratedSegment(
        request=request,
        status="complete" if tokens and tokens[-1] in end_tokens else "length",
        trigger=None,
        failure_point=None,
        failure_max_prob=None,
        failure_entropy=None,
        failure_top=None,
        token_ids=np.array(tokens, np.int32),
        logprob=zeros,
        train_logprob=zeros,
        entropy=zeros,
        max_prob=zeros,
        top={},
    )
