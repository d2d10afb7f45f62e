"""`python -m adaptive_grpo`, for `accelerate launch -m`."""

import sys

from .cli import main

sys.exit(main())
