"""TRL's vLLM in this process, driven step by step so that a row stops where it is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import PlainError
from .engine import TOP, News, Order, Sampled


class Colocated:
    """One step of vLLM at a time, a token of each row.

    Args:
        generation: TRL's `VLLMGeneration`, whose weights are in step with the policy
        end_tokens: a row ends with the first of these
        vocabulary: tokens to choose from
    """

    def __init__(self, generation: Any, end_tokens: frozenset[int], vocabulary: int) -> None:
        self._generation = generation
        self._llm = generation.llm.llm_engine
        self._end_tokens = end_tokens
        self._top = min(TOP, vocabulary)
        self._length = int(self._llm.model_config.max_model_len)
        self._flying: dict[str, Order] = {}
        self._quiet: set[str] = set()
        """Those of which nothing was heard yet."""
        scheduler = self._llm.vllm_config.scheduler_config
        # It has the next token under way when it tells of one.
        self.in_flight = int(bool(scheduler.async_scheduling))

    def __enter__(self) -> Colocated:
        generation = self._generation
        if generation.enable_sleep_mode:
            # As TRL's `generate` does: what slept has lost its weights.
            if generation._llm_weights_sleeping:
                generation.sync_weights()
            generation.llm.wake_up(tags=["kv_cache"])
        return self

    def __exit__(self, *_: object) -> None:
        if self._flying:
            self._llm.abort_request(list(self._flying))
            self._flying.clear()
        while self._llm.has_unfinished_requests():
            self._llm.step()
        if self._generation.enable_sleep_mode:
            self._generation.llm.sleep(level=2)
            self._generation._llm_weights_sleeping = True

    def begin(self, orders: Sequence[Order]) -> None:
        """Starts rows; those in flight go on.

        Raises:
            PlainError: one is longer than vLLM was set up for
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        for order in orders:
            check_length(len(order.path), self._length)
            params = SamplingParams(
                n=1,
                temperature=order.temperature,
                top_p=1.0,
                top_k=0,
                min_p=0.0,
                max_tokens=order.most,
                logprobs=self._top,
                seed=order.seed,
                stop_token_ids=sorted(self._end_tokens),
                ignore_eos=True,
                detokenize=False,
                output_kind=RequestOutputKind.DELTA,
            )
            name = str(order.key)
            self._flying[name] = order
            self._quiet.add(name)
            self._llm.add_request(name, {"prompt_token_ids": list(order.path)}, params)

    def advance(self) -> list[News]:
        """One step of vLLM."""
        if not self._llm.has_unfinished_requests():
            raise RuntimeError("vLLM has lost rows that are in flight")
        found: list[News] = []
        for output in self._llm.step():
            if output.request_id not in self._flying:
                continue
            order, completion = self._flying[output.request_id], output.outputs[0]
            # With no new token, vLLM tells the log probabilities of all there were: [-0:].
            logprobs = completion.logprobs if completion.token_ids else []
            tokens = [
                Sampled(token, list(known), [one.logprob for one in known.values()])
                for token, known in zip(completion.token_ids, logprobs, strict=True)
            ]
            reread = None
            if tokens and output.request_id in self._quiet:
                self._quiet.remove(output.request_id)
                if output.num_cached_tokens is not None:
                    reread = len(order.path) - output.num_cached_tokens
            if output.finished:
                del self._flying[output.request_id]
            found.append(News(order.key, tokens, output.finished, reread))
        return found

    def stop(self, keys: Sequence[int]) -> None:
        """Gives rows up that haven't ended."""
        names = [str(key) for key in keys]
        for name in names:
            del self._flying[name]
        if names:
            self._llm.abort_request(names)


def check_length(tokens: int, most: int) -> None:
    """A prompt has to leave room for a completion.

    Raises:
        PlainError: it doesn't
    """
    if tokens >= most:
        raise PlainError(
            f"A prompt has {tokens} tokens; vLLM takes {most} with the completion.",
            "Raise `vllm_max_model_length`, or leave prompts out that are so long.",
        )
