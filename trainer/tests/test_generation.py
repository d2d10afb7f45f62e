"""Rows that are cut, go on and branch are what the model says without any cache."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import BASE, ROOT
from tokenizers import Tokenizer, decoders, models
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from adaptive_grpo.generation import (
    GeneratedSegment,
    Paths,
    RoundSettings,
    Sampler,
    TokenTexts,
    costs_of,
)
from adaptive_grpo.generation.draws import stream_of, uniform
from adaptive_grpo.strategy import RolloutPlan, StrategyParameters

PROMPTS = ["47+8*35-19=", "6*7+81=", "5+6*31-77+12="]
PARAMETERS = StrategyParameters(
    num_generations=8, num_roots=4, min_prefix_length=3, uncertainty_threshold=0.8
)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.set_num_threads(1)
    return AutoModelForCausalLM.from_pretrained(BASE).eval()


@pytest.fixture(scope="module")
def prompts() -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    return [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]


def generate(
    model: torch.nn.Module,
    prompts: list[list[int]],
    parameters: StrategyParameters = PARAMETERS,
    first_tree: int = 0,
    longest: int = 60,
) -> list[GeneratedSegment]:
    found: list[GeneratedSegment] = []
    settings = RoundSettings(
        parameters=parameters,
        temperature=parameters.temperature,
        max_completion_length=longest,
        end_tokens=frozenset({1}),
        capture_top_k=3,
        capture_below=0.99,
        stream=(42, 1),
        first_tree=first_tree,
    )
    random = np.random.default_rng(0)
    plan = RolloutPlan(parameters, len(prompts), random.random)

    def score(roots: list[GeneratedSegment]) -> list[float]:
        return [float(len(root.token_ids) % 2) for root in roots]

    Sampler(model, prompts, plan, settings, found.append, score).run()
    return sorted(found, key=lambda one: one.segment)


@pytest.mark.parametrize("policy", ["first_failure", "top_entropy", "random"])
def test_every_value_is_that_of_a_forward_pass_without_cache(
    model: torch.nn.Module, prompts: list[list[int]], policy: str
) -> None:
    segments = generate(model, prompts, replace(PARAMETERS, fork_policy=policy))
    assert Counter(one.status for one in segments)["complete"] > 10
    assert any(one.request.parent is not None and one.request.attempt >= 1 for one in segments)
    answered = Counter(one.request.tree for one in segments if one.status != "truncated")
    assert all(2 <= count <= 8 for count in answered.values()) or policy != "first_failure"
    paths = Paths()
    for one in segments:
        completion = paths.add(one)
        prompt = prompts[one.request.tree]
        ids = torch.tensor([[*prompt, *completion.tolist()]])
        with torch.no_grad():
            logits = model(ids).logits[0, len(prompt) - 1 :].float()
        own = logits[one.request.fork_at :]
        count = len(one.token_ids)
        logprobs = own[:count].log_softmax(-1)
        hot = (own[:count] / one.request.temperature).log_softmax(-1)
        chosen = torch.from_numpy(one.token_ids).long()[:, None]
        np.testing.assert_allclose(one.logprob, hot.gather(-1, chosen)[:, 0], atol=2e-4)
        np.testing.assert_allclose(one.train_logprob, logprobs.gather(-1, chosen)[:, 0], atol=2e-4)
        np.testing.assert_allclose(one.max_prob, logprobs.amax(-1).exp(), atol=1e-3)
        entropy = -(logprobs.exp() * logprobs).sum(-1)
        np.testing.assert_allclose(one.entropy, entropy, atol=4e-3)
        # Only unsure tokens have alternatives, the best of the model's.
        assert set(one.top) == {i for i in range(count) if one.max_prob[i] < 0.99}
        for i, alternatives in one.top.items():
            np.testing.assert_allclose(alternatives.logprobs, logprobs[i].topk(3).values, atol=2e-4)
        watch_from = one.request.watch_from
        if watch_from is not None:
            watched = one.max_prob[max(0, watch_from - one.request.fork_at) :]
            assert (watched >= PARAMETERS.uncertainty_threshold).all()
        if one.status == "truncated":
            assert one.failure_point == one.request.fork_at + count
            assert one.failure_max_prob is not None
            unsure = own[count].softmax(-1).max().item()
            assert one.failure_max_prob == pytest.approx(unsure, abs=1e-3)
            assert one.failure_max_prob < 0.8 or (one.failure_entropy or 0) > 2
        else:
            assert (completion[-1] == 1) == (one.status == "complete")
            assert 1 not in completion[:-1]


def test_no_token_is_sampled_twice(model: torch.nn.Module, prompts: list[list[int]]) -> None:
    segments = generate(model, prompts)
    costs = costs_of(segments)
    assert costs.generated == sum(len(one.token_ids) for one in segments)
    assert costs.reused == sum(one.request.fork_at for one in segments) > 0
    assert any(one.status == "truncated" and one.trigger == "max_prob" for one in segments)


def test_a_round_does_not_depend_on_what_else_is_generated(
    model: torch.nn.Module, prompts: list[list[int]]
) -> None:
    """Two processes with a share of the prompts sample what one samples with all of them."""
    together = generate(model, prompts)
    for tree, prompt in enumerate(prompts):
        alone = generate(model, [prompt], first_tree=tree)
        ours = [one for one in together if one.request.tree == tree]
        assert [one.token_ids.tolist() for one in alone] == [one.token_ids.tolist() for one in ours]


def test_a_prompt_of_one_token_and_a_length_limit(model: torch.nn.Module) -> None:
    segments = generate(model, [[7], [8, 9, 13, 8, 19]], longest=5)
    assert all(one.request.fork_at + len(one.token_ids) <= 5 for one in segments)
    assert {one.status for one in segments} & {"length", "complete"}


def test_draws_are_uniform_and_their_own() -> None:
    streams = np.array([stream_of(42, 1, tree, 0) for tree in range(200)], np.uint64)
    assert len(set(streams.tolist())) == 200
    draws = np.concatenate([uniform(streams, np.full(200, i, np.uint64)) for i in range(200)])
    assert draws.min() >= 0
    assert draws.max() < 1
    counts, _ = np.histogram(draws, 20, (0, 1))
    assert abs(counts - 2000).max() < 5 * 2000**0.5
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.02


def test_the_text_of_tokens_and_where_each_ends() -> None:
    texts = TokenTexts(AutoTokenizer.from_pretrained(ROOT / "test/fixtures/oracle/tied"))
    cases = json.loads((ROOT / "test/fixtures/oracle/tokens.json").read_text("utf8"))
    for case in cases:
        text, ends = texts.of(case["ids"])
        assert text == case["decoded"]
        assert ends[-1] == len(text)
        assert (np.diff(ends) >= 0).all()
    ids = next(case["ids"] for case in cases if case["text"] == "🙂")
    assert texts.of(ids)[1].tolist() == [0] * (len(ids) - 1) + [1], "a whole character at the end"
    assert texts.of(ids[:2])[0].endswith("\ufffd")

    base = TokenTexts(AutoTokenizer.from_pretrained(BASE))
    assert base.of([3, 13, 4, 1]) == ("0+1", pytest.approx([1, 2, 3, 3]))
    assert base.of([])[0] == ""


def sentencepiece_like() -> PreTrainedTokenizerFast:
    """Decodes as Llama 2's: `▁` is a space, bytes that no token has are spelled `<0xNN>`."""
    pieces = ["<s>", "</s>", "<unk>", "▁", "▁the", "▁cat", "s", "!"]
    pieces += [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")


def test_the_text_of_tokens_whose_decoder_looks_at_their_neighbours() -> None:
    tokenizer = sentencepiece_like()
    texts = TokenTexts(tokenizer)

    def ids(*pieces: str) -> list[int]:
        return [int(tokenizer.convert_tokens_to_ids(piece)) for piece in pieces]

    smile = [f"<0x{byte:02X}>" for byte in "🙂".encode()]
    text, ends = texts.of(ids("▁the", "▁cat", "s", *smile, "▁the", "!", "</s>"))
    assert text == "the cats🙂 the!"
    assert ends.tolist() == [3, 7, 8, 8, 8, 8, 9, 13, 14, 14]
    text, ends = texts.of(ids("▁cat", *smile[:2]))
    assert text.startswith("cat")
    assert ends.tolist()[0] == 3
    assert ends[-1] == len(text)
    many = ids(*["▁the", "▁cat", "s"] * 40)
    text, ends = texts.of(many)
    assert text == tokenizer.decode(many)
    pieces = [text[start:end] for start, end in itertools.pairwise([0, *ends])]
    assert pieces == ["the", " cat", "s", *[" the", " cat", "s"] * 39]
