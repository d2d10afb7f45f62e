"""Holds what pyarrow reads from the fixtures against test/vectors/rollouts.json.

    python pyarrow_reads.py VECTORS RUNS OUT

Writes each whole file again into OUT with pyarrow's own writer, for TypeScript to read.
"""

import json
import os
import sys

import pyarrow as pa

TYPES = {
    "int32": pa.int32(),
    "float32": pa.float32(),
    "utf8": pa.string(),
    "bool": pa.bool_(),
    "list<int32>": pa.list_(pa.int32()),
    "list<float32>": pa.list_(pa.float32()),
    "list<float16>": pa.list_(pa.float16()),
    "map<utf8, float32>": pa.map_(pa.string(), pa.float32()),
}


def plain(value):
    """A cell as JSON has it: a map is an object, a half is a number."""
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return {key: plain(each) for key, each in value}
        return [plain(each) for each in value]
    return value.item() if hasattr(value, "item") else value


def same(ours, theirs, type_name):
    if ours is None or theirs is None:
        return ours is theirs
    if type_name.startswith("map") and theirs == []:
        return ours == {}
    if type_name in ("float32", "list<float32>"):
        # JSON has the shortest decimal of a double; the file has the float32 next to it.
        return pa.array([ours], TYPES[type_name]).equals(pa.array([theirs], TYPES[type_name]))
    if type_name.startswith("map"):
        return {key: pa.scalar(each, pa.float32()).as_py() for key, each in ours.items()} == theirs
    return ours == theirs


def rearranged(batch):
    """The same rows as another trainer may write them: columns in another order, one that nobody
    knows, one that is left out, and a reward function that had nothing to say."""
    cells = {name: batch.column(name) for name in reversed(batch.schema.names)}
    del cells["ref_logprob"]
    maps = [
        None if each is None else each + [("silent", None)] for each in cells["rewards"].to_pylist()
    ]
    cells["rewards"] = pa.array(maps, TYPES["map<utf8, float32>"])
    cells["written_at"] = pa.array([0] * batch.num_rows, pa.timestamp("ms"))
    fields = [pa.field(name, column.type) for name, column in cells.items()]
    return pa.RecordBatch.from_arrays(list(cells.values()), schema=pa.schema(fields))


def main(vectors_path, runs, out):
    with open(vectors_path, encoding="utf8") as file:
        vectors = json.load(file)
    columns = vectors["columns"]
    schema = pa.schema(
        [pa.field(each["name"], TYPES[each["type"]], each["nullable"]) for each in columns]
    )
    cells = 0
    for name, run in vectors["runs"].items():
        path = os.path.join(runs, name, "rollouts.arrows")
        reader = pa.ipc.open_stream(path)
        assert reader.schema.equals(schema), reader.schema
        whole = name in ("plain", "resumed")
        batches = [reader.read_next_batch() for _ in run["batches"]]
        try:
            reader.read_next_batch()
            raise AssertionError("more batches than the vectors know")
        except StopIteration:
            assert whole, "the damage was not noticed"
        except (OSError, pa.ArrowInvalid):
            assert not whole
        for batch, vector in zip(batches, run["batches"]):
            batch.validate(full=True)
            assert batch.num_rows == len(vector["rows"])
            for column in columns:
                theirs = batch.column(column["name"]).to_pylist()
                for row, cell in zip(vector["rows"], theirs):
                    ours = row[column["name"]]
                    found = plain(cell)
                    if not same(ours, found, column["type"]):
                        raise AssertionError(f"{name}: {column['name']}: {ours!r} != {found!r}")
                    cells += 1
            # Any batch can be read with the schema alone, at its byte offset.
            with open(path, "rb") as file:
                file.seek(vector["from"])
                message = pa.ipc.read_message(file.read(vector["to"] - vector["from"]))
                assert pa.ipc.read_record_batch(message, schema).equals(batch)
        if whole:
            with pa.ipc.new_stream(os.path.join(out, f"{name}.arrows"), schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            others = [rearranged(batch) for batch in batches]
            path = os.path.join(out, f"{name}-rearranged.arrows")
            with pa.ipc.new_stream(path, others[0].schema) as writer:
                for batch in others:
                    writer.write_batch(batch)
    print(json.dumps({"cells": cells, "pyarrow": pa.__version__}))


main(*sys.argv[1:])
