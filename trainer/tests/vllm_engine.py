"""A real vLLM for the tests: the shipped model, on the CPU, in single precision."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import training
from transformers import AutoModelForCausalLM, AutoTokenizer

from adaptive_grpo.training import TokenAdaptiveGRPOTrainer

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")

EXACT = 2e-4
"""Nats between two single-precision implementations of one model."""

needs_vllm = pytest.mark.skipif(
    find_spec("vllm") is None, reason="vLLM is not installed: python3 trainer/check.py vllm"
)


class OneEngine:
    """TRL's `LLM(…)`, made once for all tests of a process: it takes long to start."""

    def __init__(self) -> None:
        self.llm: Any = None

    def __call__(self, **arguments: Any) -> Any:
        if self.llm is None:
            import vllm
            from vllm import _custom_ops

            # vLLM's build for the CPU packs the weights of its layers when it has read them, and
            # then TRL's `sync_weights` finds none to write to. Unpacked they are as on a GPU.
            _custom_ops._supports_onednn = False
            # Of itself it makes half precision of single, and compiles, which takes longer than
            # all tests.
            ours = {"max_num_seqs": 64, "dtype": "float32", "enforce_eager": True}
            self.llm = vllm.LLM(**{**arguments, **ours})
        if os.environ.get("WORLD_SIZE") == "1":
            # TRL told vLLM so; other processes that a test starts are no part of it.
            for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
                os.environ.pop(name, None)
        return self.llm


def trainer(
    directory: Path,
    model: Path,
    data: Any,
    *,
    recorder: Any = None,
    peft_config: Any = None,
    **keys: Any,
) -> TokenAdaptiveGRPOTrainer:
    torch.set_num_threads(1)
    return TokenAdaptiveGRPOTrainer(
        recorder=recorder,
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        processing_class=AutoTokenizer.from_pretrained(model),
        reward_funcs=[training.accuracy, training.length],
        args=training.config(directory, use_vllm=True, reward_weights=[1.0, 0.1], **keys),
        train_dataset=data,
        peft_config=peft_config,
    )


@torch.no_grad()
def logprobs(model: Any, prompt: list[int], completion: list[int]) -> torch.Tensor:
    """What transformers makes of a completion, without any cache: (tokens, vocabulary), T = 1."""
    whole = torch.tensor([[*prompt, *completion]])
    logits = model.eval()(input_ids=whole).logits[0, len(prompt) - 1 : -1].double()
    return logits.log_softmax(-1)


def check_step(
    segments: list[Any], step: int, model: Any, tokenizer: Any, temperature: float = 1.0
) -> None:
    """All that was recorded of a step is what transformers says of the same tokens."""
    prompts: dict[int, list[int]] = {}
    paths: dict[int, list[int]] = {}
    seen = 0
    for one in segments:
        number, parent, tokens = one["segment_id"], one["parent_id"], one["tokens"]
        kept = [] if parent is None else paths[parent][: one["fork_at"]]
        path = paths[number] = [*kept, *tokens["token_ids"]]
        prompt = tokenizer(one["prompt"])["input_ids"] if parent is None else prompts[parent]
        prompts[number] = prompt
        if one["step"] != step:
            continue
        seen += 1
        # One token more: what the policy thought where it was cut.
        whole = logprobs(model, prompt, [*path, 0])
        own = whole[len(kept) : len(path)]
        chosen = torch.tensor(tokens["token_ids"])[:, None]

        def at(hot: float, own: torch.Tensor = own, chosen: torch.Tensor = chosen) -> list[float]:
            found: list[float] = (own / hot).log_softmax(-1).gather(1, chosen)[:, 0].tolist()
            return found

        hot = temperature * 1.2 ** one["attempt"]
        assert one["temperature"] == pytest.approx(hot)
        assert tokens["logprob"] == pytest.approx(at(hot), abs=EXACT)
        if tokens["train_logprob"] is not None:
            assert tokens["train_logprob"] == pytest.approx(at(temperature), abs=EXACT)
        # Half precision, and 9 of 29 tokens that vLLM doesn't tell.
        entropy = -(own.exp() * own).sum(-1)
        assert tokens["max_prob"] == pytest.approx(own.amax(-1).exp().tolist(), abs=2e-3)
        assert tokens["entropy"] == pytest.approx(entropy.tolist(), abs=4e-3)
        if one["status"] == "truncated":
            sure = float(whole[len(path)].max().exp())
            assert one["failure_max_prob"] == pytest.approx(sure, abs=2e-3)
            assert one["failure_max_prob"] < 0.7 or one["failure_entropy"] > 2
    assert seen > 0
