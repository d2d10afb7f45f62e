"""Who generates a round of trees: transformers in this process, or vLLM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
import torch
from trl.models import unwrap_model_for_generation

from ..errors import PlainError
from ..generation import Ended, Plan, RoundSettings, Sampler, Score
from ..generation.vllm import TOP, Colocated, Engine, Served, VllmSampler
from .sharing import busy_together

if TYPE_CHECKING:
    from .trainer import TokenAdaptiveGRPOTrainer


@contextmanager
def starting(args: Any) -> Iterator[None]:
    """For TRL's trainer to be made in, which starts vLLM.

    Raises:
        PlainError: it doesn't
    """
    server = args.vllm_server_base_url or f"{args.vllm_server_host}:{args.vllm_server_port}"
    try:
        yield
    except requests.ConnectionError as error:
        if not args.use_vllm:
            raise
        raise PlainError(
            f"No vLLM server answers at {server}.",
            "Start one with `trl vllm-serve --model …`, or raise `vllm_server_timeout`.",
        ) from error
    except NotImplementedError as error:
        if not args.use_vllm or args.vllm_mode != "server":
            raise
        raise PlainError(
            "TRL hands weights to a vLLM server by NCCL, which takes a GPU on both sides.",
            "Train on a GPU, or set `use_vllm: false`.",
        ) from error


def check_server(trainer: TokenAdaptiveGRPOTrainer) -> None:
    """A server has to tell the probabilities it samples with, and enough of them.

    Raises:
        PlainError: it says that it doesn't
    """
    served = trainer.use_vllm and trainer.vllm_mode == "server"
    if not (served and trainer.args.use_token_adaptive and trainer.accelerator.is_main_process):
        return
    client = trainer.vllm_generation.vllm_client
    asked = {"config_format": "json"}
    answer = client.session.get(f"{client.base_url}/server_info", params=asked)
    if answer.status_code != 200:
        return  # not every version tells
    try:
        config = answer.json()["vllm_config"]["model_config"]
        mode, most = str(config.get("logprobs_mode")), int(config.get("max_logprobs", -1))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise PlainError(
            f"What the vLLM server at {client.base_url} says of itself can't be read "
            f"(/server_info: {answer.text[:80]!r}).",
            "Start it with `trl vllm-serve`, of the vLLM that the installed TRL asks for.",
        ) from error
    if mode != "processed_logprobs" or 0 <= most < TOP:
        raise PlainError(
            f"The vLLM server at {client.base_url} gives {most} `{mode}` a token; the strategy "
            f"needs {TOP} `processed_logprobs`.",
            "Start it with `trl vllm-serve`, or with `--logprobs-mode processed_logprobs "
            "--max-logprobs -1`.",
        )


def generate(
    trainer: TokenAdaptiveGRPOTrainer,
    prompts: Sequence[Sequence[int]],
    plan: Plan,
    settings: RoundSettings,
    on_end: Ended,
    score_roots: Score | None,
) -> None:
    """Generates a round; all processes call this together.

    Raises:
        PlainError: vLLM can't
    """
    if not trainer.use_vllm:
        busy = busy_together(trainer.accelerator)
        with unwrapped(trainer) as model:
            Sampler(model, prompts, plan, settings, on_end, score_roots, busy).run()
        return
    # Nobody asks before the weights are in.
    trainer.accelerator.wait_for_everyone()
    vocabulary = int(trainer.model.config.get_text_config().vocab_size)
    engine = _engine(trainer, settings.end_tokens, vocabulary)
    VllmSampler(engine, vocabulary, prompts, plan, settings, on_end, score_roots).run()


def _engine(
    trainer: TokenAdaptiveGRPOTrainer, end_tokens: frozenset[int], vocabulary: int
) -> Engine:
    generation = trainer.vllm_generation
    if trainer.vllm_mode == "colocate":
        return Colocated(generation, end_tokens, vocabulary)
    if not hasattr(generation, "vllm_client"):
        # TRL's main process asks for all. Here each asks for its own trees, and waits for nobody.
        from trl.generation.vllm_client import VLLMClient

        host = f"http://{generation.server_host}:{generation.server_port}"
        generation.vllm_client = VLLMClient(
            base_url=generation.server_base_url or host,
            connection_timeout=generation.server_timeout,
        )
    return Served(generation.vllm_client, end_tokens, vocabulary, trainer.args.vllm_chunk_length)


@contextmanager
def unwrapped(trainer: TokenAdaptiveGRPOTrainer) -> Iterator[torch.nn.Module]:
    """The bare model with all its parameters, in evaluation mode, as TRL has it to generate."""
    with (
        unwrap_model_for_generation(
            trainer.model_wrapped,
            trainer.accelerator,
            gather_deepspeed3_params=trainer.args.ds3_gather_for_generation,
        ) as model,
        trainer._dist.summon_full_params(trainer.model_wrapped, recurse=False),
    ):
        training = model.training
        try:
            yield model.eval()
        finally:
            model.train(training)


@contextmanager
def weighed_by_token(trainer: TokenAdaptiveGRPOTrainer) -> Iterator[None]:
    """TRL weighs what vLLM sampled token by token, up to `importance_clip`.

    TRL's weight is the trainer's probability of a token over the one it was sampled with: with
    trees that is the hotter temperature and vLLM's other arithmetic at once, so it is the one
    weight there is. Per completion it would come to nothing where a branch is long.
    """
    wanted = {
        "vllm_importance_sampling_mode": "token_truncate",
        "vllm_importance_sampling_clip_min": None,
        "vllm_importance_sampling_clip_max": trainer.args.importance_clip,
    }
    before = {name: getattr(trainer, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(trainer, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(trainer, name, value)
