"""How well a checkpoint does on benchmarks."""
