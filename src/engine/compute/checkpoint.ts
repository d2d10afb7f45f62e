import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf, PlainError } from '../../common/errors.ts';
import { parseModelConfig, type ModelConfig } from './config.ts';
import { weightLayout } from './layout.ts';
import type { OptimizerSnapshot } from './pool.ts';
import { SafetensorsFile, writeSafetensors, type FloatFormat } from './safetensors.ts';
import { Tokenizer } from './tokenizer.ts';

/** What lies beside the weights in a checkpoint's folder, byte for byte. */
const companions = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
] as const;
const required: readonly string[] = ['config.json', 'tokenizer.json'];

/** Weights, gradients and activations share the 4 GiB a WebAssembly memory can have. */
const MOST_WEIGHTS = 150_000_000;

const WEIGHTS = 'model.safetensors';
const OPTIMIZER = 'optimizer.safetensors';

/** A Hugging Face model folder, read. */
export interface Checkpoint {
  config: ModelConfig;
  /** Flat, see `weightLayout`. */
  weights: Float32Array;
  tokenizer: Tokenizer;
  /** File name → content of everything but the weights; copied to what is saved. */
  files: Readonly<Record<string, string>>;
}

/**
 * Reads a Hugging Face folder of a Llama model.
 *
 * @throws PlainError that names the file where one is missing, broken or doesn't fit the others
 */
export async function loadCheckpoint(folder: string): Promise<Checkpoint> {
  const files: Record<string, string> = {};
  for (const name of companions) {
    const content = await readOptional(join(folder, name));
    if (content !== null) files[name] = new TextDecoder().decode(content);
    else if (required.includes(name)) throw missing(folder, name);
  }
  const config = parseModelConfig(
    parseJson(files, 'config.json', folder),
    join(folder, 'config.json'),
  );
  const generation = generationSchema.safeParse(parseJson(files, 'generation_config.json', folder));
  const eos = generation.data?.eos_token_id ?? null;
  if (eos !== null) config.eos_token_ids = [eos].flat();

  const tokenizer = new Tokenizer(
    parseJson(files, 'tokenizer.json', folder),
    parseJson(files, 'tokenizer_config.json', folder),
    join(folder, 'tokenizer.json'),
  );
  if (tokenizer.size > config.vocab_size)
    throw new PlainError(
      `${join(folder, 'tokenizer.json')} has ${tokenizer.size} tokens, the model's vocabulary only ${config.vocab_size}.`,
      'Use the tokenizer that belongs to this model.',
    );

  const { places, size } = weightLayout(config);
  if (size > MOST_WEIGHTS)
    throw new PlainError(
      `${folder} is a model of ${Math.round(size / 1e6)} million weights; the built-in engine takes at most ${MOST_WEIGHTS / 1e6} million.`,
      'Choose a smaller model, or train it with `engine: trl` on a GPU.',
    );
  const bytes = await readOptional(join(folder, WEIGHTS));
  if (bytes === null) throw missing(folder, WEIGHTS);
  const file = new SafetensorsFile(bytes, join(folder, WEIGHTS));
  const weights = new Float32Array(size);
  for (const { name, shape, offset } of places) weights.set(file.read(name, shape), offset);
  if (!weights.every(Number.isFinite))
    throw new PlainError(
      `${join(folder, WEIGHTS)} holds numbers that are not finite.`,
      'Go back to an earlier checkpoint.',
    );
  return { config, weights, tokenizer, files };
}

export interface SaveOptions {
  /** `F16` halves the size and rounds the weights. Default `F32`. */
  format?: FloatFormat;
  /** Saved beside the weights, for an exact resume. */
  optimizer?: OptimizerSnapshot;
  /** Further files, name → content. */
  extra?: Readonly<Record<string, string>>;
}

/**
 * Writes a folder that transformers reads. It appears all at once: a folder of that name is
 * either the old one or the new one, whole.
 *
 * @param checkpoint the weights to write, and the files that belong to them
 * @throws PlainError where the disk is full or the place can't be written
 */
export async function saveCheckpoint(
  folder: string,
  checkpoint: Pick<Checkpoint, 'config' | 'weights' | 'files'>,
  options: SaveOptions = {},
): Promise<void> {
  const { places } = weightLayout(checkpoint.config);
  const named = (prefix: string, all: Float32Array) =>
    places.map(({ name, shape, offset, size }) => ({
      name: prefix + name,
      shape,
      data: all.subarray(offset, offset + size),
    }));
  const format = options.format ?? 'F32';
  const files: Record<string, string | Uint8Array> = {
    ...checkpoint.files,
    ...options.extra,
    [WEIGHTS]: writeSafetensors(named('', checkpoint.weights), format),
  };
  if (options.optimizer) {
    const { exp_avg, exp_avg_sq, step } = options.optimizer;
    const moments = [...named('exp_avg.', exp_avg), ...named('exp_avg_sq.', exp_avg_sq)];
    files[OPTIMIZER] = writeSafetensors(moments, 'F32', { step: String(step) });
  }
  const fresh = `${folder}.new-${process.pid}`;
  const old = `${folder}.old-${process.pid}`;
  try {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true });
    for (const [name, content] of Object.entries(files))
      await writeFile(join(fresh, name), content, { flush: true });
    await mkdir(dirname(folder), { recursive: true });
    const replaced = await rename(folder, old).then(
      () => true,
      () => false,
    );
    try {
      await rename(fresh, folder);
    } catch (error) {
      if (replaced) await rename(old, folder);
      throw error;
    }
    if (replaced) await rm(old, { recursive: true, force: true });
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    throw new PlainError(
      `The checkpoint ${folder} could not be written: ${messageOf(cause)}.`,
      'Check that the disk has room and the folder can be written to.',
      { cause },
    );
  }
}

/** What `saveCheckpoint` wrote of the optimizer; null where it wrote none. */
export async function loadOptimizer(
  folder: string,
  config: ModelConfig,
): Promise<OptimizerSnapshot | null> {
  const path = join(folder, OPTIMIZER);
  const bytes = await readOptional(path);
  if (bytes === null) return null;
  const file = new SafetensorsFile(bytes, path);
  const { places, size } = weightLayout(config);
  const read = (prefix: string) => {
    const all = new Float32Array(size);
    for (const { name, shape, offset } of places) all.set(file.read(prefix + name, shape), offset);
    return all;
  };
  const step = Number(file.metadata.step);
  if (!Number.isInteger(step) || step < 0)
    throw new PlainError(`${path} does not say its step.`, 'Resume from an earlier checkpoint.');
  return { exp_avg: read('exp_avg.'), exp_avg_sq: read('exp_avg_sq.'), step };
}

const generationSchema = z.looseObject({
  eos_token_id: z.union([z.number().int(), z.array(z.number().int())]).nullish(),
});

function parseJson(files: Record<string, string>, name: string, folder: string): unknown {
  const content = files[name];
  if (content === undefined) return {};
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new PlainError(
      `${join(folder, name)} is not JSON: ${messageOf(cause)}.`,
      'Copy or download the checkpoint again.',
      { cause },
    );
  }
}

async function readOptional(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    const parsed = z.object({ code: z.string() }).safeParse(cause);
    if (parsed.data?.code === 'ENOENT' || parsed.data?.code === 'ENOTDIR') return null;
    throw new PlainError(
      `${path} could not be read: ${messageOf(cause)}.`,
      'Check the permissions of the checkpoint.',
      { cause },
    );
  }
}

function missing(folder: string, name: string): PlainError {
  return new PlainError(
    `${join(folder, name)} is missing.`,
    'Give model_name_or_path the folder of a Hugging Face checkpoint, or "base".',
  );
}
