"""Trees from an engine that samples before it tells; `test_vllm.py` has the real one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from adaptive_grpo.generation import GeneratedSegment, Paths, Plan, RoundSettings, costs_of
from adaptive_grpo.generation.draws import uniform_stream
from adaptive_grpo.generation.vllm import TOP, News, Order, Sampled, VllmSampler
from adaptive_grpo.generation.vllm.thoughts import thoughts_of
from adaptive_grpo.strategy import RolloutPlan, StrategyParameters
from adaptive_grpo.training.crew import Crew, CrewPlan

VOCABULARY, END = 40, 0
PROMPTS = [[5], [6, 7], [8, 9, 10]]


class Chain:
    """A policy whose next token depends on the last one only: sure after some, torn after others.

    It stands in for vLLM: some tokens of each row at a time, then what it thought of them.
    """

    def __init__(self, ahead: int, in_flight: int = 0) -> None:
        draw = np.random.default_rng(3)
        sharpness = np.where(np.arange(VOCABULARY) % 4 == 0, 1.0, 9.0)
        logits = draw.normal(size=(VOCABULARY, VOCABULARY)) * sharpness[:, None]
        self.logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        self.in_flight = in_flight
        self.sampled = 0
        self.orders: list[Order] = []
        self.stopped: list[int] = []
        self._ahead = ahead
        self._rows: dict[int, tuple[Order, list[int], np.random.Generator]] = {}

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        assert not self._rows

    def begin(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self.orders.append(order)
            self._rows[order.key] = (order, [], np.random.default_rng(order.seed))

    def hot(self, last: int, temperature: float) -> np.ndarray:
        logits = self.logprobs[last] / temperature
        return logits - np.log(np.exp(logits).sum())

    def advance(self) -> list[News]:
        found = []
        # Whatever the order, the plan is told of rows as they were asked for.
        for key in reversed(list(self._rows)):
            order, tokens, draw = self._rows[key]
            fresh: list[Sampled] = []
            ended = False
            while len(fresh) < self._ahead and not ended:
                logs = self.hot([*order.path, *tokens][-1], order.temperature)
                token = int(draw.choice(VOCABULARY, p=np.exp(logs)))
                best = np.argsort(-logs)[:TOP].tolist()
                ids = [token, *(one for one in best if one != token)]
                fresh.append(Sampled(token, ids, logs[ids].tolist()))
                tokens.append(token)
                ended = token == END or len(tokens) == order.most
            self.sampled += len(fresh)
            if ended:
                del self._rows[key]
            found.append(News(key, fresh, ended, None))
        return found

    def stop(self, keys: Sequence[int]) -> None:
        for key in keys:
            del self._rows[key]
            self.stopped.append(key)
            self.sampled += self.in_flight


def sampled(
    engine: Chain,
    parameters: StrategyParameters,
    longest: int = 40,
    plan: Plan | None = None,
    prompts: Sequence[Sequence[int]] = PROMPTS,
    first: int = 0,
) -> list[GeneratedSegment]:
    settings = RoundSettings(
        parameters=parameters,
        temperature=parameters.temperature,
        max_completion_length=longest,
        end_tokens=frozenset([END]),
        capture_top_k=5,
        capture_below=0.99,
        stream=(7, 0),
        first_tree=first,
    )
    found: list[GeneratedSegment] = []

    def rewards(roots: Sequence[GeneratedSegment]) -> list[float | None]:
        return [float(sum(one.token_ids) % 2) for one in roots]

    plan = plan or RolloutPlan(parameters, len(prompts), lambda: 0.5)
    VllmSampler(engine, VOCABULARY, prompts, plan, settings, found.append, rewards).run()
    return sorted(found, key=lambda one: one.segment)


@pytest.mark.parametrize("ahead", [1, 5, 64])
@pytest.mark.parametrize("policy", ["first_failure", "top_entropy", "random"])
def test_trees_are_what_the_policy_says(ahead: int, policy: str) -> None:
    parameters = StrategyParameters(min_prefix_length=3, fork_policy=policy, temperature=1.1)  # type: ignore[arg-type]
    engine = Chain(ahead, in_flight=1)
    segments = sampled(engine, parameters)
    answers = [one for one in segments if one.status != "truncated"]
    roots, most = parameters.num_roots, parameters.num_generations
    assert len(PROMPTS) * roots < len(answers) <= len(PROMPTS) * most
    cut = [one for one in segments if one.status == "truncated"]
    assert bool(cut) == (policy == "first_failure")
    paths = Paths()
    for one, order in zip(segments, engine.orders, strict=True):
        request = one.request
        prompt = PROMPTS[request.tree]
        whole = [*prompt, *paths.add(one).tolist()]
        # It began where its parent was left, hotter.
        assert order.path == whole[: len(prompt) + request.fork_at]
        assert order.temperature == request.temperature
        assert len(whole) - len(prompt) <= 40
        first = len(prompt) + request.fork_at
        for i, token in enumerate(whole[first:]):
            last = whole[first + i - 1]
            exact = np.exp(engine.logprobs[last])
            assert one.logprob[i] == pytest.approx(engine.hot(last, request.temperature)[token])
            assert one.train_logprob[i] == pytest.approx(engine.hot(last, 1.1)[token], abs=0.02)
            assert one.max_prob[i] == pytest.approx(exact.max(), abs=0.01)
            watched = request.watch_from is not None and request.fork_at + i >= request.watch_from
            if watched:
                assert one.max_prob[i] >= 0.7
                assert one.entropy[i] <= 2.0
            if i in one.top:
                assert one.top[i].ids[0] == exact.argmax()
        if one.status == "truncated":
            assert one.failure_point == request.fork_at + len(one.token_ids)
            exact = np.exp(engine.logprobs[whole[-1]])
            assert one.failure_max_prob == pytest.approx(exact.max(), abs=0.01)
            assert one.failure_max_prob < 0.7 or one.failure_entropy > 2.0
        else:
            assert (one.token_ids[-1] == END) == (one.status == "complete")
    # Whatever was sampled is told, what was dropped too.
    assert costs_of(segments).generated == engine.sampled
    dropped = [one.discarded or 0 for one in cut]
    assert all(1 <= count <= ahead + 1 for count in dropped)
    assert sum(one.discarded or 0 for one in answers) == 0


def test_a_row_that_is_sure_is_asked_for_once_as_far_as_nothing_can_cut_it() -> None:
    engine = Chain(64)
    sampled(engine, StrategyParameters(min_prefix_length=15))
    for order in engine.orders:
        roots = order.path in PROMPTS
        assert order.unwatched == (15 if roots else 1)
    engine = Chain(64)
    sampled(engine, StrategyParameters(fork_policy="random"))
    assert all(order.unwatched is None for order in engine.orders)


def test_rows_draw_apart_and_again_the_same() -> None:
    parameters = StrategyParameters(min_prefix_length=3)
    once, again = sampled(Chain(5), parameters), sampled(Chain(5), parameters)
    assert [one.token_ids.tolist() for one in once] == [one.token_ids.tolist() for one in again]
    roots = [tuple(one.token_ids) for one in once if one.request.parent is None]
    assert len(set(roots)) > len(PROMPTS)


@pytest.mark.parametrize("policy", ["first_failure", "top_entropy", "random"])
def test_a_crew_generates_what_each_would_alone(policy: str) -> None:
    parameters = StrategyParameters(min_prefix_length=3, fork_policy=policy)  # type: ignore[arg-type]
    trees = len(PROMPTS)

    def run(crew: Crew, prompts: Sequence[Sequence[int]]) -> list[GeneratedSegment]:
        plan = CrewPlan(
            lambda rank: RolloutPlan(parameters, trees, uniform_stream(rank)), crew, trees
        )
        return sampled(Chain(5), parameters, plan=plan, prompts=prompts, first=crew.first * trees)

    def told(segment: GeneratedSegment) -> tuple[object, ...]:
        return (segment.request, segment.status, segment.token_ids.tolist())

    others = [[11], [12, 13], [14]]
    whole = run(Crew(4, 0, 2, None), [*PROMPTS, *others])
    for position, prompts in enumerate((PROMPTS, others)):
        mine = [Crew(4, position, 2, None).own(one, trees) for one in whole]
        alone = run(Crew(4 + position, 0, 1, None), prompts)
        assert [told(one) for one in mine if one is not None] == [told(one) for one in alone]


@pytest.mark.parametrize("vocabulary", [12, 21, 300, 30_000])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.2, 2.0])
def test_a_temperature_is_undone_within_its_bounds(vocabulary: int, temperature: float) -> None:
    draw = np.random.default_rng(vocabulary)
    tokens, exact, chosen = [], [], []
    for sharpness in np.geomspace(0.1, 12, 60):
        logits = draw.normal(size=vocabulary) * sharpness
        logits[draw.integers(vocabulary)] += sharpness**2
        hot = logits / temperature
        hot -= np.log(np.exp(hot - hot.max()).sum()) + hot.max()
        token = int(draw.choice(vocabulary, p=np.exp(hot) / np.exp(hot).sum()))
        ids = list(dict.fromkeys([token, *np.argsort(-hot)[:TOP].tolist()]))
        draw.shuffle(ids)
        tokens.append(Sampled(token, ids, hot[ids].tolist()))
        exact.append(logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max())
        chosen.append(token)
    at = np.full(len(tokens), temperature)
    thoughts = thoughts_of(tokens, at, 1.0, vocabulary)
    logs = np.array(exact)
    max_prob = np.exp(logs.max(1))
    entropy = -(np.exp(logs) * logs).sum(1)
    assert (abs(thoughts.max_prob - max_prob) <= thoughts.max_prob_error + 1e-9).all()
    assert (abs(thoughts.entropy - entropy) <= thoughts.entropy_error + 1e-6).all()
    assert max_prob.min() < 0.6
    assert max_prob.max() > 0.99
    train = logs[np.arange(len(tokens)), chosen]
    if temperature == 1 or vocabulary <= TOP:
        assert thoughts.max_prob == pytest.approx(max_prob, abs=1e-9)
        assert thoughts.train_logprob == pytest.approx(train, abs=1e-9)
    # Both hang on the same Z.
    off = np.log(thoughts.max_prob / max_prob)
    assert thoughts.train_logprob - train == pytest.approx(off, abs=1e-9)
    # The best alternatives are the best, whatever order they came in.
    assert (thoughts.top_ids[:, 0] == logs.argmax(1)).all()
    assert (np.diff(thoughts.top_logprobs, axis=1) <= 0).all()


def test_impossible_alternatives_are_no_trouble() -> None:
    known = [0.0, *[-np.inf] * (TOP - 1)]
    thoughts = thoughts_of([Sampled(3, [3, *range(20, 39)], known)], np.array([1.3]), 1.0, 100)
    assert thoughts.max_prob[0] == 1
    assert thoughts.entropy[0] == 0
    assert thoughts.train_logprob[0] == 0
