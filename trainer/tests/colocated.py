"""`adaptive_grpo` as a program, whose vLLM is the one of `vllm_engine`."""

import sys

import vllm_engine
from trl.generation import vllm_generation

from adaptive_grpo.cli import main

vllm_generation.LLM = vllm_engine.OneEngine()
sys.exit(main())
