"""What the endpoint answers beside the stream, over the shipped model.

What both engines answer alike is in `test/integration/contract`; here is what only shows from
within, and bad input of every kind.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import training
from conftest import BASE
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from adaptive_grpo.app.completions import completion_routes
from adaptive_grpo.app.control import Control
from adaptive_grpo.app.judging import reward_routes
from adaptive_grpo.rewards import RewardOptions, reward_functions
from adaptive_grpo.run.server import HttpError
from adaptive_grpo.training import TokenAdaptiveGRPOTrainer

CHAT = (
    "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}={% endif %}"
)


def talkative(completions: list[Any], log_metric: Any, log_extra: Any, **_: Any) -> list[float]:
    log_metric("talk", 1.0)
    log_extra("said", [str(one) for one in completions])
    return [0.25] * len(completions)


class Endpoint:
    """The routes of a paused run."""

    def __init__(self, trainer: TokenAdaptiveGRPOTrainer) -> None:
        self.trainer = trainer
        self._control = Control(lambda *_, **__: None, lambda _state: None)
        self._routes = {
            **completion_routes(trainer, self._control, "base"),
            **reward_routes(trainer, self._control),
        }
        self._control.submit("1", "pause", {})

    def close(self) -> None:
        self._control.close()

    def ask(self, path: str, body: Any) -> Any:
        """As it comes over the wire, while the trainer's thread (this one) is at a safe point."""
        route = self._routes[f"POST {path}"](json.loads(json.dumps(body)))
        with ThreadPoolExecutor() as server:
            answer = server.submit(asyncio.run, route)
            while not answer.done():
                if self._control.next_action(0.01).kind == "job":
                    self._control.run_job()
            return json.loads(json.dumps(answer.result()))

    def complete(self, prompt: Any = "47+8*35-19=", **more: Any) -> Any:
        return self.ask("/v1/completions", {"prompt": prompt, "max_tokens": 40, **more})

    def refusal(self, path: str, body: Any) -> tuple[int, str]:
        with pytest.raises(HttpError) as error:
            self.ask(path, body)
        return error.value.status, str(error.value)


def opened(folder: Path, chats: bool = False) -> Endpoint:
    rows = [{**one, "prompt_id": f"train/{i}"} for i, one in enumerate(training.problems(8))]
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    if chats:
        tokenizer.chat_template = CHAT
        for row in rows:
            row["prompt"] = [{"role": "user", "content": row["prompt"].rstrip("=")}]
    accuracy = reward_functions(["accuracy"], RewardOptions())
    return Endpoint(
        TokenAdaptiveGRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(BASE),
            processing_class=tokenizer,
            reward_funcs=[*accuracy, talkative],
            args=training.config(folder, reward_weights=[1.0, 0.1]),
            train_dataset=Dataset.from_list(rows),
        )
    )


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    found = opened(tmp_path_factory.mktemp("endpoint"))
    yield found
    found.close()


def test_a_stop_ends_a_completion_before_it(endpoint: Endpoint) -> None:
    whole = endpoint.complete(temperature=0, logprobs=1, return_token_ids=True)["choices"][0]
    text = whole["text"]
    assert "\n" in text
    line, _, rest = text.partition("\n")
    asked = {"temperature": 0, "logprobs": 1, "return_token_ids": True, "return_uncertainty": True}
    for stop in ("\n", ["nowhere", "\n"], [rest[:3], "\n"]):
        answer = endpoint.complete(stop=stop, **asked)
        choice = answer["choices"][0]
        assert choice["text"] == line
        assert choice["finish_reason"] == "stop"
        assert "".join(choice["logprobs"]["tokens"]) == line
        assert choice["token_ids"] == whole["token_ids"][: len(line)]
        for name in ("token_logprobs", "top_logprobs", "text_offset"):
            assert len(choice["logprobs"][name]) == len(line), name
        assert {len(one) for one in choice["uncertainty"].values()} == {len(line)}
        # What was sampled is what it cost.
        assert answer["usage"]["completion_tokens"] == len(whole["token_ids"])
    assert endpoint.complete(temperature=0, stop=[])["choices"][0]["text"] == text
    short = endpoint.complete(temperature=0, stop="nowhere", max_tokens=2)["choices"][0]
    assert short["finish_reason"] == "length"
    assert endpoint.complete(temperature=0, stop=text[0])["choices"][0]["text"] == ""


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (None, 400, "The body: an object is needed."),
        ({}, 400, "`prompt`"),
        ({"prompt": ""}, 400, "A prompt is empty."),
        ({"prompt": []}, 400, "`prompt`"),
        ({"prompt": ["1", 2]}, 400, "`prompt`"),
        ({"prompt": [1, True]}, 400, "`prompt`"),
        ({"prompt": [[1], []]}, 400, "`prompt`"),
        ({"prompt": [4000]}, 400, "There is no token 4000."),
        ({"prompt": "1" * 300}, 400, "A prompt has 300 tokens; the model takes 256"),
        ({"prompt": ["1" * 250] * 300, "max_tokens": 1}, 400, "more than 65536 tokens at once"),
        ({"prompt": ["1" * 9] * 99, "n": 128}, 400, "more than 65536 tokens at once"),
        ({"prompt": "1", "model": "gpt-4"}, 404, 'There is no model "gpt-4" here, only base.'),
        ({"prompt": "1", "model": 4}, 400, "`model`"),
        ({"prompt": "1", "max_tokens": 0}, 400, "`max_tokens`"),
        ({"prompt": "1", "n": 129}, 400, "`n`: a whole number from 1 to 128"),
        ({"prompt": "1", "n": True}, 400, "`n`"),
        ({"prompt": "1", "logprobs": 51}, 400, "`logprobs`"),
        ({"prompt": "1", "seed": -1}, 400, "`seed`"),
        ({"prompt": "1", "temperature": "hot"}, 400, "`temperature`"),
        ({"prompt": "1", "temperature": -0.1}, 400, "`temperature`"),
        ({"prompt": "1", "top_p": 0.5}, 400, "`top_p`: 0.5 is not supported."),
        ({"prompt": "1", "stream": True}, 400, "`stream`"),
        ({"prompt": "1", "best_of": True}, 400, "`best_of`"),
        ({"prompt": "1", "stop": ""}, 400, "`stop`"),
        ({"prompt": "1", "stop": ["a"] * 5}, 400, "`stop`"),
        ({"prompt": "1", "stop": [1]}, 400, "`stop`"),
        ({"prompt": "1", "return_token_ids": "yes"}, 400, "`return_token_ids`"),
    ],
)
def test_what_is_no_request_is_refused(
    endpoint: Endpoint, body: Any, status: int, message: str
) -> None:
    told = endpoint.refusal("/v1/completions", body)
    assert told[0] == status
    assert message in told[1]


def test_more_than_fits_is_as_much_as_fits(endpoint: Endpoint) -> None:
    answer = endpoint.complete("1+1=", max_tokens=10**9, top_p=1, stream=None, best_of=1)
    assert answer["usage"]["total_tokens"] <= 256


def test_texts_and_tokens(endpoint: Endpoint) -> None:
    assert endpoint.ask("/tokenize", {"prompt": "1+1="}) == {"tokens": [4, 13, 4, 19], "count": 4}
    assert endpoint.ask("/detokenize", {"tokens": [4, 13]}) == {"prompt": "1+"}
    for path, body, message in (
        ("/tokenize", {"prompt": ""}, "`prompt`"),
        ("/tokenize", None, "`prompt`"),
        ("/detokenize", {"tokens": []}, "`tokens`"),
        ("/detokenize", {"tokens": [1.5]}, "`tokens`"),
        ("/detokenize", {"tokens": [4000]}, "There is no token 4000."),
    ):
        status, told = endpoint.refusal(path, body)
        assert (status, message in told) == (400, True), told


def test_rewards_are_the_runs_and_leave_no_trace_in_its_metrics(endpoint: Endpoint) -> None:
    row = training.problems(8)[3]
    trainer = endpoint.trainer
    ids = trainer.processing_class(f"#{row['answer']}")["input_ids"]
    asked = {"prompt_id": "train/3", "completions": [f"#{row['answer']}", "#x", ids]}
    right = {"rewards": {"accuracy": 1, "talkative": 0.25}, "reward": pytest.approx(1.025)}
    for named in ({}, {"prompt": row["prompt"]}, {"prompt_id": "train/3 (2)"}):
        data = endpoint.ask("/v1/rewards", {**asked, **named})["data"]
        assert [data[0], data[2]] == [right, right]
        assert data[1]["rewards"]["accuracy"] == 0
    assert endpoint.ask("/v1/rewards", {**asked, "completions": []}) == {"data": []}
    assert not trainer._pending_metrics
    assert not trainer._pending_extra_logs
    assert len(trainer._rewards) == 0


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"prompt_id": "train/99"}, 404, 'This run has no prompt "train/99"'),
        ({"prompt": "2+2="}, 404, "or another one of that name"),
        ({"prompt": 4}, 400, "`prompt`"),
        ({"prompt_id": 3}, 400, "`prompt_id`"),
        ({"completions": None}, 400, "`completions`"),
        ({"completions": ["a"] * 1025}, 400, "`completions`"),
        ({"completions": [[4000]]}, 400, "There is no token 4000."),
        ({"completions": [[-1]]}, 400, "`completions`"),
        ({"completions": [None]}, 400, "`completions`"),
    ],
)
def test_rewards_that_cannot_be_had(
    endpoint: Endpoint, body: Any, status: int, message: str
) -> None:
    told = endpoint.refusal("/v1/rewards", {"prompt_id": "train/0", "completions": ["1"], **body})
    assert told[0] == status
    assert message in told[1]


def test_a_chats_prompt_is_named_as_its_template_renders_it(tmp_path: Path) -> None:
    endpoint = opened(tmp_path, chats=True)
    try:
        row = training.problems(8)[3]
        asked = {"prompt_id": "train/3", "completions": [f"#{row['answer']}"]}
        data = endpoint.ask("/v1/rewards", {**asked, "prompt": row["prompt"]})["data"]
        assert data[0]["rewards"]["accuracy"] == 1
        assert endpoint.refusal("/v1/rewards", {**asked, "prompt": row["prompt"] + "1"})[0] == 404
    finally:
        endpoint.close()


def test_a_run_that_has_ended_answers_nobody(tmp_path: Path) -> None:
    endpoint = opened(tmp_path)
    endpoint.close()
    assert endpoint.refusal("/v1/completions", {"prompt": "1"}) == (503, "The run has ended.")
    asked = {"prompt_id": "train/0", "completions": ["1"]}
    assert endpoint.refusal("/v1/rewards", asked) == (503, "The run has ended.")
