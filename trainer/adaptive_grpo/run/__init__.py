"""What a run is: its directory, and the stream of it. The twin of `src/run`."""

from .append import DiskError
from .recorder import Recorder
from .rows import Alternatives, SegmentRow, encode_batch, encode_schema
from .writer import RunWriter

__all__ = [
    "Alternatives",
    "DiskError",
    "Recorder",
    "RunWriter",
    "SegmentRow",
    "encode_batch",
    "encode_schema",
]
