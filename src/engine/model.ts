import { PlainError } from '../common/errors.ts';
import type { Recipe } from '../recipe/keys.ts';
import {
  ComputePool,
  loadCheckpoint,
  loadOptimizer,
  saveCheckpoint,
  type Checkpoint,
  type Tokenizer,
} from './compute/index.ts';
import { baseModelFolder } from './prepare.ts';

/** The policy: its weights and threads, and how its text is written as tokens. */
export interface Model {
  pool: ComputePool;
  tokenizer: Tokenizer;
  limits: {
    /** Prompt and completion together. */
    positions: number;
    /** Number of token ids. */
    vocabulary: number;
  };
  /** Writes a Hugging Face folder with the optimizer's state and `extra` files, all or nothing. */
  save(folder: string, extra: Readonly<Record<string, string>>): Promise<void>;
}

/**
 * Opens the recipe's model, or where a run goes on, the checkpoint's. With `beta` > 0 the recipe's
 * model is kept beside it as the reference.
 *
 * @throws PlainError where a checkpoint is missing, damaged or doesn't fit
 */
export async function openModel(recipe: Recipe, checkpoint: string | null): Promise<Model> {
  const { model_name_or_path, threads } = recipe;
  const origin = model_name_or_path === 'base' ? baseModelFolder() : model_name_or_path;
  const reference = recipe.beta > 0;
  const loaded = await loadCheckpoint(checkpoint ?? origin);
  if (checkpoint === null) {
    return modelOf(loaded, new ComputePool(loaded.config, loaded.weights, { threads, reference }));
  }
  const optimizer = await loadOptimizer(checkpoint, loaded.config);
  const first = reference ? await loadCheckpoint(origin) : loaded;
  if (first.weights.length !== loaded.weights.length) {
    throw new PlainError(
      `The checkpoint ${checkpoint} is of another model than ${origin}, which \`beta\` compares it with.`,
      'Set `model_name_or_path` to the model the run started from, or `beta` to 0.',
    );
  }
  const pool = new ComputePool(loaded.config, first.weights, { threads, reference });
  await pool.restore(loaded.weights, optimizer);
  return modelOf(loaded, pool);
}

function modelOf({ config, files, tokenizer }: Checkpoint, pool: ComputePool): Model {
  return {
    pool,
    tokenizer,
    limits: { positions: config.max_position_embeddings, vocabulary: config.vocab_size },
    save: (folder, extra) => {
      const weights = pool.weights();
      const optimizer = pool.optimizer();
      return saveCheckpoint(folder, { config, weights, files }, { optimizer, extra });
    },
  };
}
