"""What vLLM and its server may say at the edges; no vLLM is needed to try it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from adaptive_grpo.errors import PlainError
from adaptive_grpo.generation.vllm import Colocated, Order
from adaptive_grpo.generation.vllm.server import keep_connections
from adaptive_grpo.training.backends import check_server


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    body = b""
    connections: set[Any]
    together = threading.Barrier(1)

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        self.together.wait(10)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64


@pytest.fixture
def server() -> Iterator[type[Handler]]:
    handler = type("Own", (Handler,), {"connections": set()})
    one = Server(("127.0.0.1", 0), handler)
    handler.url = f"http://127.0.0.1:{one.server_port}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=one.serve_forever, args=(0.02,))
    thread.start()
    yield handler
    one.shutdown()
    thread.join()
    one.server_close()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b"<html>", "can't be read (/server_info: '<html>')"),
        (b"[]", "can't be read"),
        (b"{}", "can't be read"),
        (b'{"vllm_config": "VllmConfig(model=...)"}', "can't be read"),
        (b'{"vllm_config": {"model_config": null}}', "can't be read"),
        (b'{"vllm_config": {"model_config": {"max_logprobs": "all"}}}', "can't be read"),
        (b'{"vllm_config": {"model_config": {}}}', "gives -1 `None` a token"),
        (
            json.dumps(
                {"vllm_config": {"model_config": {"logprobs_mode": "processed_logprobs"}}}
            ).encode(),
            None,
        ),
    ],
)
def test_whatever_a_server_says_of_itself(server: Any, said: bytes, message: str | None) -> None:
    server.body = said
    session = requests.Session()
    client = SimpleNamespace(session=session, base_url=server.url)
    trainer: Any = SimpleNamespace(
        use_vllm=True,
        vllm_mode="server",
        args=SimpleNamespace(use_token_adaptive=True),
        accelerator=SimpleNamespace(is_main_process=True),
        vllm_generation=SimpleNamespace(vllm_client=client),
    )
    with session:
        if message is None:
            check_server(trainer)
            return
        with pytest.raises(PlainError) as error:
            check_server(trainer)
    assert message in error.value.message
    assert "trl vllm-serve" in error.value.next_step


def test_connections_are_kept_for_all_requests_at_once(server: Any) -> None:
    """Three rounds of 32 together take 32 connections; with the ways to try again of before."""
    server.together = threading.Barrier(32)
    again = Retry(total=5, backoff_factor=2)
    with requests.Session() as session, ThreadPoolExecutor(32) as pool:
        session.mount("http://", HTTPAdapter(max_retries=again))
        for _ in range(3):
            keep_connections(session)
            answers = list(pool.map(lambda _: session.get(server.url).status_code, range(32)))
            assert answers == [200] * 32
        assert session.get_adapter("http://").max_retries is again  # type: ignore[attr-defined]
    assert len(server.connections) == 32


def test_a_row_that_ends_without_a_new_token() -> None:
    """As `vllm/v1/engine/output_processor.py` has it: `logprobs[-len(token_ids) :]`."""
    before = [{7: SimpleNamespace(logprob=-0.5)}]
    completion = SimpleNamespace(token_ids=[], logprobs=before)
    output = SimpleNamespace(
        request_id="3", outputs=[completion], finished=True, num_cached_tokens=0
    )
    engine = SimpleNamespace(
        model_config=SimpleNamespace(max_model_len=64),
        vllm_config=SimpleNamespace(scheduler_config=SimpleNamespace(async_scheduling=True)),
        has_unfinished_requests=lambda: True,
        step=lambda: [output],
    )
    generation = SimpleNamespace(llm=SimpleNamespace(llm_engine=engine))
    rows = Colocated(generation, frozenset([0]), 40)
    order = Order(key=3, path=[1], temperature=1.0, seed=1, most=8, unwatched=None)
    rows._flying["3"] = order
    (news,) = rows.advance()
    assert (news.key, list(news.tokens), news.ended) == (3, [], True)
    assert not rows._flying
