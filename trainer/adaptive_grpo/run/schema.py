"""The Arrow schema of `rollouts.arrows`, exact: `src/run/arrow/schema.ts` in pyarrow.

No dictionary encoding and no compression, so that any batch is read with the schema alone. The
columns that describe a segment come first and `token_ids` right after them. A test holds this
against the columns that TypeScript wrote into `test/vectors/rollouts.json`.
"""

from __future__ import annotations

import pyarrow as pa

INT = pa.int32()
FLOAT = pa.float32()
TEXT = pa.string()
INTS = pa.list_(pa.int32())
FLOATS = pa.list_(pa.float32())
HALVES = pa.list_(pa.float16())


def _column(name: str, kind: pa.DataType, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable)


SCHEMA = pa.schema(
    [
        _column("step", INT),
        _column("prompt_id", TEXT),
        _column("prompt", TEXT, nullable=True),
        _column("segment_id", INT),
        _column("parent_id", INT, nullable=True),
        _column("fork_at", INT),
        _column("attempt", INT),
        _column("kind", TEXT),
        _column("status", TEXT),
        _column("trigger", TEXT, nullable=True),
        _column("failure_point", INT, nullable=True),
        _column("failure_max_prob", FLOAT, nullable=True),
        _column("failure_entropy", FLOAT, nullable=True),
        _column("failure_top_ids", INTS, nullable=True),
        _column("failure_top_logprobs", FLOATS, nullable=True),
        _column("temperature", FLOAT),
        _column("rewards", pa.map_(TEXT, FLOAT), nullable=True),
        _column("reward", FLOAT, nullable=True),
        _column("value", FLOAT, nullable=True),
        _column("trained", pa.bool_()),
        _column("token_ids", INTS),
        _column("text", TEXT),
        # Null where every token is one code point of `text`, as far as that goes.
        _column("token_ends", INTS, nullable=True),
        _column("logprob", FLOATS),
        _column("entropy", HALVES),
        _column("max_prob", HALVES),
        _column("advantage", HALVES),
        _column("ref_logprob", FLOATS, nullable=True),
        _column("train_logprob", FLOATS, nullable=True),
        _column("top_index", INTS),
        _column("top_ids", INTS),
        _column("top_logprobs", HALVES),
    ]
)
