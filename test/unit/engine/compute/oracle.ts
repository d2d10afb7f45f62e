import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parseModelConfig, type ModelConfig } from '../../../../src/engine/compute/config.ts';
import { weightLayout } from '../../../../src/engine/compute/layout.ts';
import { SafetensorsFile } from '../../../../src/engine/compute/safetensors.ts';
import { lossTypes } from '../../../../src/engine/compute/types.ts';

// What `scripts/make-oracle.py` wrote: see there for how it was computed.

const numbers = z.array(z.number());

export const oracleFolder = fileURLToPath(
  new URL('../../../fixtures/oracle', import.meta.url).href,
);

export async function readOracle<T>(name: string, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(JSON.parse(await readFile(`${oracleFolder}/${name}`, 'utf8')));
}

export async function oracleModel(
  name: 'tied' | 'untied',
): Promise<{ config: ModelConfig; weights: Float32Array }> {
  const folder = `${oracleFolder}/${name}`;
  const config = parseModelConfig(
    JSON.parse(await readFile(`${folder}/config.json`, 'utf8')),
    'config.json',
  );
  const path = `${folder}/model.safetensors`;
  const file = new SafetensorsFile(await readFile(path), path);
  const { places, size } = weightLayout(config);
  const weights = new Float32Array(size);
  for (const { name, shape, offset } of places) weights.set(file.read(name, shape), offset);
  return { config, weights };
}

export const logitsCases = z.array(
  z.object({ ids: numbers, columns: z.array(numbers), last: numbers }),
);

const options = z.object({
  loss_type: z.enum(lossTypes),
  epsilon: z.number(),
  epsilon_high: z.number(),
  beta: z.number(),
  temperature: z.number(),
  importance_clip: z.number(),
  max_completion_length: z.number(),
  per_device_train_batch_size: z.number(),
  use_old_logprob: z.boolean(),
});

const row = z.object({
  prompt_ids: numbers.transform((ids) => Int32Array.from(ids)),
  completion_ids: numbers.transform((ids) => Int32Array.from(ids)),
  advantage: numbers,
  weight: numbers,
  mass: z.number(),
  train_logprob: numbers,
  behaviour_logprob: numbers,
  ref_logprob: numbers,
});

const digest = z.record(
  z.string(),
  z.object({ norm: z.number(), sum: z.number(), samples: numbers }),
);
export type Digest = z.infer<typeof digest>;

export const lossCases = z.object({
  rows: z.array(row),
  values: z.array(z.object({ logprob: numbers, entropy: numbers })),
  cases: z.array(z.object({ options, loss: z.number(), gradient: digest })),
});

export const adamwCase = z.object({
  options,
  steps: z.array(z.object({ loss: z.number(), grad_norm: z.number(), learning_rate: z.number() })),
  weights: digest,
});

/**
 * How far a flat buffer is from what the oracle noted of it: the largest relative error of any
 * tensor's norm, samples and sum, against the tensor's norm.
 */
export function distance(config: ModelConfig, flat: Float32Array, expected: Digest): number {
  let worst = 0;
  for (const { name, offset, size } of weightLayout(config).places) {
    const noted = expected[name];
    if (!noted) throw new Error(`the oracle has no ${name}`);
    const own = flat.subarray(offset, offset + size);
    const norm = Math.hypot(...own);
    const sum = own.reduce((a, b) => a + b, 0);
    const scale = Math.max(noted.norm, 1e-12);
    const errors = noted.samples.map((value, i) => (own[i * 37] ?? NaN) - value);
    worst = Math.max(
      worst,
      Math.abs(norm - noted.norm) / scale,
      // A sum of n numbers has an error of about √n of theirs.
      Math.abs(sum - noted.sum) / scale / Math.sqrt(size),
      Math.hypot(...errors) / scale,
    );
    if (Number.isNaN(worst)) throw new Error(`${name} is not a number`);
  }
  return worst;
}
