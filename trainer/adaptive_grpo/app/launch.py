"""From a recipe to a run that is under way, and to its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from transformers import ProgressCallback, set_seed
from transformers.trainer_callback import PrinterCallback
from trl import get_peft_config, get_quantization_config

from ..errors import PlainError
from ..evaluation.after_training import Benchmarks
from ..events import RunEvents
from ..rewards import reward_functions
from ..training import TokenAdaptiveGRPOTrainer
from ..training.ledger import Counters
from ..training.sharing import failure_of_another, tell_failure
from ..training.state import check_layout
from .control import Control
from .data import load_data, load_tokenizer
from .desk import Desk
from .progress import Progress
from .recipe import Recipe
from .safe_points import SafePoints
from .signals import Signals
from .start import Start, find_start


def train(recipe: Recipe, *, serve: bool, say_ready: Callable[[dict[str, Any]], None]) -> str:
    """Trains to the end, whatever end that is, and says which it was.

    Args:
        recipe: what to train
        serve: whether the run can be watched and steered from outside
        say_ready: is told where, once it can be

    Raises:
        PlainError: the run can't begin, or failed
    """
    processes = PartialState()
    main = processes.is_main_process
    signals = Signals(speaks=main)
    desk: Desk | None = None
    # From the first line on: some of it only the main process does, while the others wait for it.
    try:
        trainer, benchmarks, start = _prepared(recipe, processes)
        desk = Desk(recipe, start, trainer) if main else None
        if desk is not None:
            ready = desk.serve() if serve else None
            desk.begin()
            if ready is not None:
                say_ready(ready)
        signals.listen()
        progress = Progress(recipe.training, trainer.args.max_steps)
        trainer.add_callback(RunEvents(trainer.ledger, progress.step))
        trainer.safe_point = SafePoints(
            signals,
            None if desk is None else desk.control,
            (lambda _changes: None) if desk is None else desk.changed,
        )
        checkpoint = None if start.checkpoint is None else str(start.checkpoint)
        trainer.train(resume_from_checkpoint=checkpoint)
        reason = _reason(trainer)
        trainer.save_now()
    except BaseException as error:
        elsewhere = _failure_elsewhere(error, processes)
        if desk is not None:
            desk.fail(elsewhere or plain(error))
        if elsewhere is None:
            raise
        raise elsewhere from error
    if desk is not None:
        if reason != "stopped":
            signals.after_training()
            benchmarks.run(trainer, partial(_end_wanted, signals, desk.control))
        desk.finish(reason)
    return reason


def _prepared(
    recipe: Recipe, processes: PartialState
) -> tuple[TokenAdaptiveGRPOTrainer, Benchmarks, Start]:
    # All processes have one directory, which the time may be part of.
    now = [datetime.now()]
    if processes.num_processes > 1:
        broadcast_object_list(now)
    start = find_start(recipe, now[0])
    set_seed(recipe.training.seed)
    tokenizer = load_tokenizer(recipe)
    data, held_out = load_data(recipe, tokenizer)
    rewards = reward_functions(recipe.script.reward_funcs, recipe.script)
    folders, system = [Path(), recipe.path.parent], recipe.script.system_prompt
    names = recipe.script.benchmarks if processes.is_main_process else []
    benchmarks = Benchmarks(names, folders, system)
    trainer = _trainer(recipe, start, tokenizer, rewards, data, held_out)
    if start.state is not None:
        check_layout(start.state, trainer.accelerator)
        trainer.ledger.counters = Counters(**start.state["counters"])
        for name, value in trainer.ledger.counters.changes.items():
            setattr(trainer.args, name, value)
    return trainer, benchmarks, start


def _end_wanted(signals: Signals, control: Control) -> bool:
    """Whether to leave the benchmarks; answers what was asked meanwhile."""
    control.after_training()
    return signals.end_wanted or control.stop_wanted


_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What CUDA and the CPU say of it."""


def plain(error: BaseException) -> PlainError:
    """What went wrong, in a sentence."""
    if isinstance(error, PlainError):
        return error
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in str(error).lower() for words in _NO_MEMORY
    ):
        return PlainError(
            "The memory of the device is not enough for this recipe.",
            "Lower per_device_train_batch_size (and raise gradient_accumulation_steps), "
            "max_completion_length or num_generations, and go on from the last checkpoint.",
        )
    if isinstance(error, KeyboardInterrupt):
        return PlainError("The run was interrupted.", "Resume it from its last checkpoint.")
    reason = f"{type(error).__name__}: {error}"
    return PlainError(f"Training failed: {reason}", "See trainer.log; resume from a checkpoint.")


def _failure_elsewhere(error: BaseException, processes: PartialState) -> PlainError | None:
    """What another process said before this one missed it; if there is none, this one says it."""
    if not isinstance(error, PlainError):
        said = failure_of_another(processes)
        if said is not None:
            return PlainError(said, "See what it printed; resume from the last checkpoint.")
    tell_failure(processes, plain(error).message)
    return None


def _trainer(
    recipe: Recipe, start: Start, tokenizer: Any, rewards: Any, data: Any, held_out: Any
) -> TokenAdaptiveGRPOTrainer:
    args, model = recipe.training, recipe.model
    args.output_dir = str(start.directory / "checkpoints")
    args.model_init_kwargs = {
        **(args.model_init_kwargs or {}),
        "revision": model.model_revision,
        "attn_implementation": model.attn_implementation,
        "dtype": model.dtype,
    }
    trainer = TokenAdaptiveGRPOTrainer(
        records=True,
        model=model.model_name_or_path,
        reward_funcs=rewards,
        args=args,
        train_dataset=data,
        eval_dataset=held_out,
        processing_class=tokenizer,
        quantization_config=get_quantization_config(model),
        peft_config=get_peft_config(model),
    )
    # `Progress` says it in a line of its own.
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _reason(trainer: TokenAdaptiveGRPOTrainer) -> str:
    if trainer.state.global_step >= trainer.state.max_steps:
        return "max_steps"
    budget = trainer.args.max_generated_tokens
    spent = budget is not None and trainer.ledger.counters.generated >= budget
    return "max_generated_tokens" if spent else "stopped"
