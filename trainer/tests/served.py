"""A vLLM server on the CPU, and a trainer that hands it new weights.

TRL's `VLLMClient.init_communicator` refuses anything but CUDA: weights go over NCCL. Here, and here
only, they go over the disk; `vllm serve` reads them where NCCL would have written them. All else is
TRL's: which weights, when, and what is asked.

As a program it is `adaptive_grpo` with that.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import torch
from safetensors.torch import save_file


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """A started `trl vllm-serve`."""

    def __init__(self, model: Path, log: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        command = [
            *(str(Path(sys.executable).with_name("trl")), "vllm-serve", "--model", str(model)),
            *("--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"),
            *("--gpu_memory_utilization", "0.05", "--enforce_eager", "true"),
        ]
        environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
        with log.open("wb") as out:
            # A group of its own: vLLM's processes end with it.
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, env=environment, start_new_session=True
            )

    def wait(self, patience: float = 300) -> None:
        deadline = time.monotonic() + patience
        while True:
            try:
                if requests.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            assert self.process.poll() is None, self._log.read_text()[-4000:]
            assert time.monotonic() < deadline, self._log.read_text()[-4000:]
            time.sleep(0.2)

    def counter(self, name: str) -> float:
        lines = requests.get(f"{self.url}/metrics", timeout=30).text.splitlines()
        found = [line for line in lines if line.startswith(f"vllm:{name}")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()


def _init_communicator(_client: Any, **_: Any) -> None:
    pass


def _update_named_params(client: Any, _metadata: Any, named: Iterator[Any]) -> None:
    weights = {name: value.detach().to(torch.float32).clone() for name, value in named}
    with tempfile.TemporaryDirectory() as folder:
        save_file(weights, Path(folder) / "model.safetensors")
        told = {"method": "reload_weights", "kwargs": {"weights_path": folder}}
        answer = requests.post(f"{client.base_url}/collective_rpc", json=told, timeout=120)
        assert answer.status_code == 200, answer.text


OVER_THE_DISK = {
    "init_communicator": _init_communicator,
    "update_named_params": _update_named_params,
}

if __name__ == "__main__":
    from trl.generation.vllm_client import VLLMClient

    from adaptive_grpo.cli import main

    for name, method in OVER_THE_DISK.items():
        setattr(VLLMClient, name, method)
    sys.exit(main())
