"""Who may talk to a trainer, and what is done for somebody who has gone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from adaptive_grpo.app.control import Control
from adaptive_grpo.run.server import RunServer

RIGHT = b"Authorization: Bearer right"


async def hello(_body: Any) -> Any:
    return {"hello": True}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    server = RunServer(tmp_path, lambda *_: Future(), {"GET /hello": hello}, "right")
    yield int(server.url.rsplit(":", 1)[1])
    server.close()


def status(port: int, *headers: bytes, host: bytes = b"127.0.0.1") -> int:
    lines = [b"GET /hello HTTP/1.1", b"Host: " + host, b"Connection: close", *headers, b"", b""]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"\r\n".join(lines))
        return int(connection.recv(64).split()[1])


def test_only_who_knows_the_token_is_answered(port: int) -> None:
    assert status(port, RIGHT) == 200
    assert status(port) == 401
    assert status(port, b"Authorization: Bearer wrong") == 401
    assert status(port, b"Authorization: Bearer \xff\xfe") == 401


def test_web_pages_are_turned_away_whatever_they_know(port: int) -> None:
    assert status(port, RIGHT, b"Origin: http://127.0.0.1") == 403
    assert status(port, RIGHT, host=b"rebound.example") == 403


def test_who_has_gone_costs_the_run_nothing() -> None:
    control = Control(lambda *_, **__: None, lambda _state: None)
    gone, stays = (control.at_safe_point(lambda: 1) for _ in range(2))
    gone.cancel()
    for _ in range(2):
        assert control.next_action(0).kind == "job"
        control.run_job()
    assert stays.result(0) == 1
    control.at_safe_point(lambda: 1).cancel()
    control.close()


def test_after_training_all_are_answered_and_stop_is_taken_up() -> None:
    said: list[str] = []
    control = Control(lambda *_, **told: said.append(told["message"]), lambda _state: None)
    pause, job = control.submit("1", "pause", {}), control.at_safe_point(lambda: 1)
    control.after_training()
    assert pause.result(0).outcome == "refused"
    assert job.result(0) == 1
    assert not control.stop_wanted
    stop, late = control.submit("2", "stop", {}), control.submit("3", "set", {"beta": 1})
    control.after_training()
    assert (stop.result(0).outcome, late.result(0).outcome) == ("applied", "refused")
    assert control.stop_wanted
    too_late = "Training is done; only the benchmarks are still being tried."
    assert said == [too_late, "The rest of the benchmarks is left out.", too_late]
