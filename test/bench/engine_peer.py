"""The peer of `engine.ts`: TRL's GRPOTrainer on torch's CPU build, as its users run it.

    python engine_peer.py CHECKPOINT JOB

JOB is JSON: prompts, prompts_per_step, num_generations, max_completion_length, first. Trains step
by step, one for each line it reads, and answers each with a line of JSON: seconds of the whole step
and of generation in it, and the tokens generated. The first line, before any is read, says the
versions. With `first` it says so once the first rollouts are there, and ends.
"""

import json
import os
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
import transformers
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

transformers.utils.logging.disable_progress_bar()


def say(**line):
    sys.__stdout__.write(json.dumps(line) + "\n")
    sys.__stdout__.flush()


class Timed(GRPOTrainer):
    generation = 0.0
    tokens = 0

    def _generate(self, *args, **kwargs):
        started = time.perf_counter()
        out = super()._generate(*args, **kwargs)
        self.generation = time.perf_counter() - started
        self.tokens = sum(len(ids) for ids in out[1])
        if self.job["first"]:
            say(first=True)
            os._exit(0)
        return out


def main():
    checkpoint, job = sys.argv[1], json.loads(sys.argv[2])
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    rows = job["num_generations"] * job["prompts_per_step"]
    prompts = [job["prompts"][i % len(job["prompts"])] for i in range(4 * job["prompts_per_step"])]
    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=1,
        num_generations=job["num_generations"],
        max_completion_length=job["max_completion_length"],
        max_steps=100000,
        learning_rate=1e-4,
        lr_scheduler_type="constant",
        loss_type="dapo",
        beta=0.0,
        temperature=1.0,
        # Every completion has the full length, on both sides.
        generation_kwargs={"min_new_tokens": job["max_completion_length"]},
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to="none",
        logging_strategy="no",
        save_strategy="no",
        disable_tqdm=True,
        dataloader_num_workers=0,
        seed=1,
    )

    def reward(completions, **kwargs):
        return [float(text.count("1")) for text in completions]

    Timed.job = job
    trainer = Timed(
        model=model,
        processing_class=tokenizer,
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": text} for text in prompts]),
    )
    step = trainer.training_step

    def training_step(*args, **kwargs):
        # Generation, rewards, loss and backward happen in here; the optimizer follows and is
        # counted from the callback below.
        if not job["first"] and not sys.stdin.readline():
            os._exit(0)
        trainer.clock = time.perf_counter()
        return step(*args, **kwargs)

    class AfterUpdate(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            say(
                step=time.perf_counter() - trainer.clock,
                generation=trainer.generation,
                tokens=trainer.tokens,
            )

    trainer.training_step = training_step
    trainer.add_callback(AfterUpdate())
    if not job["first"]:
        say(
            versions=f"TRL {trl.__version__}, transformers {transformers.__version__}, "
            f"torch {torch.__version__}, {torch.get_num_threads()} threads"
        )
    trainer.train()


main()
