"""Makes test/fixtures/oracle: what transformers, torch and TRL's formulas compute, for the
built-in engine to agree with.

    python3 -m venv .cache/oracle-venv
    .cache/oracle-venv/bin/pip install torch==2.13.0 transformers safetensors tokenizers numpy
    .cache/oracle-venv/bin/python scripts/make-oracle.py

The checkpoint is random, tiny, and has everything that is easy to get wrong: grouped queries, a
head dimension that is not hidden_size / heads, tied and untied embeddings, a vocabulary that is
no multiple of anything, a rope_theta and norm weights that are not the defaults.
"""

import json
import pathlib

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, get_scheduler

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "fixtures" / "oracle"
torch.manual_seed(0)
torch.set_num_threads(1)


def round_floats(values, digits=9):
    if isinstance(values, list):
        return [round_floats(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if isinstance(values, float) else values


def write(name, content):
    (OUT / name).write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n")


def tokenizer():
    """Byte-level BPE whose tokens cut characters: emoji, CJK and accents are several bytes."""
    built = Tokenizer(models.BPE())
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    built.train_from_iterator(["the cat the hat 47+8=55 é日本語 ééé 日本日本"] * 4, trainer)
    return built


def model(tied, vocabulary):
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=128,
        rms_norm_eps=1e-5,
        rope_theta=5000.0,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    made = LlamaForCausalLM(config).float().eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.25)
            else:
                parameter.uniform_(0.5, 1.5)
    return made


def logprobs(policy, prompt, completion, temperature):
    """Log probability and entropy of each completion token, as TRL computes them."""
    ids = torch.tensor([prompt + completion])
    logits = policy(ids).logits[0, len(prompt) - 1 : -1] / temperature
    logp = torch.log_softmax(logits, -1)
    chosen = logp.gather(1, torch.tensor(completion)[:, None])[:, 0]
    return chosen, -(logp.exp() * logp).sum(-1)


def grpo_loss(policy, rows, options):
    """TRL's `_compute_loss` over micro-batches, with `weight`, `mass` and importance weights.

    With every weight and mass 1 and `importance` 1 each line is TRL's own.
    """
    size = options["per_device_train_batch_size"]
    batches = [rows[i : i + size] for i in range(0, len(rows), size)]
    mass = sum(row["mass"] for row in rows)
    every = sum(sum(row["weight"]) for row in rows)
    total = torch.zeros(())
    for batch in batches:
        batch_weight = sum(sum(row["weight"]) for row in batch)
        for row in batch:
            logp, _ = logprobs(
                policy, row["prompt_ids"], row["completion_ids"], options["temperature"]
            )
            train = torch.tensor(row["train_logprob"])
            old = train if options["use_old_logprob"] else logp.detach()
            ratio = torch.exp(logp - old)
            clipped = ratio.clamp(1 - options["epsilon"], 1 + options["epsilon_high"])
            advantage = torch.tensor(row["advantage"])
            per_token = -torch.min(ratio * advantage, clipped * advantage)
            behaviour = torch.tensor(row["behaviour_logprob"])
            per_token = per_token * torch.exp(train - behaviour).clamp(
                max=options["importance_clip"]
            )
            if options["beta"] > 0:
                lead = torch.tensor(row["ref_logprob"]) - logp
                per_token = per_token + options["beta"] * (torch.exp(lead) - lead - 1)
            weighted = (per_token * torch.tensor(row["weight"])).sum()
            if options["loss_type"] == "grpo":
                total = total + weighted / len(row["completion_ids"]) / mass
            elif options["loss_type"] == "bnpo":
                total = total + weighted / batch_weight / len(batches)
            elif options["loss_type"] == "dr_grpo":
                total = total + weighted / options["max_completion_length"] / mass
            else:
                total = total + weighted / every
    return total


def trl_loss(policy, rows, options):
    """TRL's own lines on padded tensors (grpo_trainer.py, `_compute_loss`), for plain rows only:
    holds `grpo_loss` to them."""
    size = options["per_device_train_batch_size"]
    batches = [rows[i : i + size] for i in range(0, len(rows), size)]
    items = sum(len(row["completion_ids"]) for row in rows)
    total = torch.zeros(())
    for batch in batches:
        length = max(len(row["completion_ids"]) for row in batch)
        pad = lambda values, fill=0.0: torch.tensor(list(values) + [fill] * (length - len(values)))
        stack = lambda key: torch.stack([pad(row[key]) for row in batch])
        per_token_logps = torch.stack(
            [
                torch.cat([logp, torch.zeros(length - len(logp))])
                for logp in (
                    logprobs(policy, r["prompt_ids"], r["completion_ids"], options["temperature"])[0]
                    for r in batch
                )
            ]
        )
        mask = torch.stack([pad([1.0] * len(row["completion_ids"])) for row in batch])
        old = stack("train_logprob") if options["use_old_logprob"] else per_token_logps.detach()
        coef_1 = torch.exp(per_token_logps - old)
        coef_2 = torch.clamp(coef_1, 1 - options["epsilon"], 1 + options["epsilon_high"])
        advantages = stack("advantage")
        per_token_loss = -torch.min(coef_1 * advantages, coef_2 * advantages)
        if options["beta"] != 0.0:
            ref = stack("ref_logprob")
            per_token_kl = torch.exp(ref - per_token_logps) - (ref - per_token_logps) - 1
            per_token_loss = per_token_loss + options["beta"] * per_token_kl
        if options["loss_type"] == "grpo":
            loss = ((per_token_loss * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
            loss = loss / len(batches)
        elif options["loss_type"] == "bnpo":
            loss = (per_token_loss * mask).sum() / mask.sum().clamp(min=1.0)
            loss = loss / len(batches)
        elif options["loss_type"] == "dr_grpo":
            loss = (per_token_loss * mask).sum() / (
                per_token_loss.size(0) * options["max_completion_length"]
            )
            loss = loss / len(batches)
        else:
            loss = (per_token_loss * mask).sum() / items
        total = total + loss
    return total


def training_rows(policy, vocabulary, plain):
    generator = torch.Generator().manual_seed(7)
    rows = []
    for index in range(4):
        draw = lambda n: torch.randint(2, vocabulary, (n,), generator=generator).tolist()
        prompt, completion = draw(3 + index % 2), draw(5 + 2 * index)
        length = len(completion)
        logp, _ = logprobs(policy, prompt, completion, 0.9)
        noise = lambda scale: scale * torch.randn(length, generator=generator)
        train = (logp + noise(0.2)).tolist()
        behaviour = (torch.tensor(train) + (noise(0.0) if plain else noise(0.6))).tolist()
        advantage = torch.randn(1 if plain else length, generator=generator).tolist()
        weight = [1.0] * length
        if not plain and index > 0:
            weight = [0.0, 0.0] + [0.5] * (length - 2)
        rows.append(
            {
                "prompt_ids": prompt,
                "completion_ids": completion,
                "advantage": advantage * length if plain else advantage,
                "weight": weight,
                "mass": 1.0 if plain or index == 0 else 0.5,
                "train_logprob": train,
                "behaviour_logprob": behaviour,
                "ref_logprob": (logp + noise(0.3)).tolist(),
            }
        )
    return json.loads(json.dumps(round_floats(json.loads(json.dumps(
        [{k: v.tolist() if torch.is_tensor(v) else v for k, v in r.items()} for r in rows])), 7)))


def gradients(policy, loss):
    policy.zero_grad()
    loss.backward()
    return {name: p.grad.flatten().tolist() for name, p in policy.named_parameters()}


def digest(gradient):
    """Of each tensor its norm, its sum and every 37th number: enough to see any mistake."""
    out = {}
    for name, values in gradient.items():
        tensor = torch.tensor(values, dtype=torch.float64)
        out[name] = {
            "norm": tensor.norm().item(),
            "sum": tensor.sum().item(),
            "samples": tensor[::37].tolist(),
        }
    return out


def losses(policy, vocabulary):
    base = {
        "epsilon": 0.2,
        "epsilon_high": 0.28,
        "temperature": 0.9,
        "importance_clip": 1.5,
        "max_completion_length": 16,
        "per_device_train_batch_size": 2,
    }
    cases = []
    for plain in (True, False):
        rows = training_rows(policy, vocabulary, plain)
        for loss_type in ("grpo", "bnpo", "dr_grpo", "dapo"):
            for beta, use_old in ((0.0, False), (0.04, True)):
                options = {**base, "loss_type": loss_type, "beta": beta, "use_old_logprob": use_old}
                loss = grpo_loss(policy, rows, options)
                if plain:
                    assert torch.allclose(loss, trl_loss(policy, rows, options), atol=1e-6)
                cases.append(
                    {
                        "plain": plain,
                        "options": options,
                        "loss": loss.item(),
                        "gradient": digest(gradients(policy, loss)),
                    }
                )
        yield plain, rows, [case for case in cases if case["plain"] == plain]


def adamw(policy, rows):
    """Five optimizer steps with clipping, weight decay and a warm-up, as transformers' Trainer."""
    options = {
        "loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28, "temperature": 0.9, "beta": 0.04,
        "importance_clip": 1.5, "max_completion_length": 16, "per_device_train_batch_size": 2,
        "use_old_logprob": True,
    }
    decayed = [p for p in policy.parameters() if p.dim() > 1]
    norms = [p for p in policy.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}],
        lr=0.01, betas=(0.9, 0.99), eps=1e-8,
    )
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=2, num_training_steps=6)
    steps = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = grpo_loss(policy, rows, options)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(policy.parameters(), 0.05)
        rate = scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()
        steps.append({"loss": loss.item(), "grad_norm": norm.item(), "learning_rate": rate})
    weights = {name: p.detach().flatten().tolist() for name, p in policy.named_parameters()}
    return {"options": options, "steps": steps, "weights": digest(weights)}


def schedules():
    cases = []
    for name in ("constant", "constant_with_warmup", "linear", "cosine"):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
        scheduler = get_scheduler(name, optimizer, num_warmup_steps=3, num_training_steps=10)
        rates = []
        for _ in range(12):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        cases.append({"lr_scheduler_type": name, "rates": rates})
    return cases


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    built = tokenizer()
    vocabulary = built.get_vocab_size() + 3  # a model may have more rows than the tokenizer tokens
    wrapped = PreTrainedTokenizerFast(tokenizer_object=built, eos_token="<eos>", pad_token="<pad>")

    for name, tied in (("tied", True), ("untied", False)):
        policy = model(tied, vocabulary)
        folder = OUT / name
        policy.save_pretrained(folder)
        if tied:
            wrapped.save_pretrained(folder)
        sequences = [
            torch.randint(0, vocabulary, (n,), generator=torch.Generator().manual_seed(n)).tolist()
            for n in (1, 7, 19)
        ]
        expected = []
        for ids in sequences:
            with torch.no_grad():
                logits = policy(torch.tensor([ids])).logits[0]
            # Every row at three columns each, and the last row whole.
            expected.append(
                {
                    "ids": ids,
                    "columns": logits[:, [0, 5, vocabulary - 1]].tolist(),
                    "last": logits[-1].tolist(),
                }
            )
        write(f"logits-{name}.json", round_floats(expected, 8))
        if tied:
            continue
        for plain, rows, cases in losses(policy, vocabulary):
            values = []
            for row in rows:
                with torch.no_grad():
                    logp, entropy = logprobs(policy, row["prompt_ids"], row["completion_ids"], 0.9)
                values.append({"logprob": logp.tolist(), "entropy": entropy.tolist()})
            write(
                f"loss-{'plain' if plain else 'tree'}.json",
                {"rows": rows, "values": round_floats(values), "cases": round_floats(cases)},
            )
        write("adamw.json", round_floats(adamw(policy, training_rows(policy, vocabulary, False))))
    write("schedules.json", schedules())

    texts = ["the cat", "é日本語!", "🙂", "a\u0301🇩🇪 47+8=55\n", "\ufffd x", "\u202eabc\u0000<b>"]
    write(
        "tokens.json",
        [
            {"text": text, "ids": ids, "decoded": wrapped.decode(ids, skip_special_tokens=True)}
            for text in texts
            for ids in [wrapped(text)["input_ids"]]
        ],
    )
    for extra in ("special_tokens_map.json",):
        (OUT / "tied" / extra).unlink(missing_ok=True)
    sizes = {p.name: p.stat().st_size for p in OUT.rglob("*") if p.is_file()}
    print(sizes, sum(sizes.values()))


main()
