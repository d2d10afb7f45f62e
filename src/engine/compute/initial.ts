import type { ModelConfig } from './config.ts';
import { weightLayout } from './layout.ts';
import { uniform } from './random.ts';

/**
 * Fresh weights as transformers initialises them: norms 1, everything else normal with standard
 * deviation 0.02 (`initializer_range`). The same for the same seed.
 */
export function initialWeights(config: ModelConfig, seed: number, deviation = 0.02): Float32Array {
  const { places, size } = weightLayout(config);
  const weights = new Float32Array(size);
  for (const { offset, size: count, decays } of places) {
    for (let i = offset; i < offset + count; i++) {
      if (!decays) weights[i] = 1;
      else {
        // Box–Muller.
        const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, 0, 0, 2 * i)));
        weights[i] = deviation * radius * Math.cos(2 * Math.PI * uniform(seed, 0, 0, 2 * i + 1));
      }
    }
  }
  return weights;
}
