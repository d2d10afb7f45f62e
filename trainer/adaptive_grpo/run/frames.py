"""The framing of an Arrow IPC stream.

`FF FF FF FF`, the length of the metadata as a little-endian int32, the metadata, the body.
"""

from __future__ import annotations

import os
from typing import BinaryIO

_PREFIX = b"\xff\xff\xff\xff"
_MAX_METADATA = 16 * 1024 * 1024


def frame_end(file: BinaryIO, offset: int) -> int | None:
    """Where the message that begins at `offset` ends; None where it isn't all there yet.

    Raises:
        ValueError: no message can begin like that
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(offset)
    head = file.read(8)
    if not _PREFIX.startswith(head[:4]):
        raise ValueError("no Arrow message begins there")
    if len(head) < 8:
        return None
    length = int.from_bytes(head[4:], "little", signed=True)
    if not 0 < length <= _MAX_METADATA:
        raise ValueError("the length of a message makes no sense")
    metadata = file.read(length)
    if len(metadata) < length:
        return None
    end = offset + 8 + length + _body_length(metadata)
    return end if end <= size else None


def _body_length(metadata: bytes) -> int:
    """`bodyLength`: field 3 of the flatbuffer table `Message`, an int64."""
    table = int.from_bytes(metadata[:4], "little")
    vtable = table - int.from_bytes(metadata[table : table + 4], "little", signed=True)
    entries = int.from_bytes(metadata[vtable : vtable + 2], "little")
    slot = int.from_bytes(metadata[vtable + 10 : vtable + 12], "little") if entries > 10 else 0
    place = table + slot
    return int.from_bytes(metadata[place : place + 8], "little", signed=True) if slot else 0
