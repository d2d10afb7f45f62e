"""`adaptive_grpo` for `accelerate launch` with the shipped FSDP and DeepSpeed configurations.

accelerate takes both for accelerators only: with a CPU it silently starts one process, or DDP. The
one thing told to it here is that processes on the CPU are devices like others and speak gloo.
"""

import os
import sys
from typing import Any

from accelerate import PartialState
from accelerate.utils import DistributedType

from adaptive_grpo.cli import main


def _gloo(_state: PartialState, *_: Any, **__: Any) -> tuple[str, DistributedType]:
    return "gloo", DistributedType.MULTI_GPU


os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
PartialState._prepare_backend = _gloo

sys.exit(main())
