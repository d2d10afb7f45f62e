import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tokenizers from '@huggingface/tokenizers';
import { z } from 'zod';

/** The part of the library used here: its own declarations don't resolve in a Node ES module. */
interface Library {
  decode(ids: readonly number[], options: Record<string, boolean>): string;
  id_to_token(id: number): string | undefined;
}
const LibraryTokenizer = z
  .custom<new (json: object, config: object) => Library>((value) => typeof value === 'function')
  .parse(tokenizers.Tokenizer);

/** A tokenizer is a JSON object; what is in it is the library's business. */
const json = z.record(z.string(), z.unknown());

/**
 * The texts of token ids from a run's own tokenizer, for ids that nobody sampled yet. There may be
 * none (a run of another trainer): then nothing is known, and nothing fails.
 */
export class TokenizerTexts {
  #tokenizer: Library | null = null;
  readonly #texts = new Map<number, string | null>();

  /** Reads the first tokenizer there is among `folders`. Never rejects. */
  async read(folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      this.#tokenizer ??= await readTokenizer(folder);
    }
  }

  /** Null while nothing was read, and for what the tokenizer doesn't know. */
  textOf(id: number): string | null {
    const known = this.#texts.get(id);
    if (known !== undefined || this.#tokenizer === null) return known ?? null;
    let text: string | null = null;
    try {
      // It would read an id beyond the vocabulary as an unknown token.
      const inside = this.#tokenizer.id_to_token(id) !== undefined;
      const decoded = this.#tokenizer.decode([id], {
        skip_special_tokens: false,
        clean_up_tokenization_spaces: false,
      });
      // Part of a character has no text of its own.
      if (inside && decoded !== '' && !decoded.includes('\ufffd')) text = decoded;
    } catch {
      // An id it can't decode stays unknown.
    }
    this.#texts.set(id, text);
    return text;
  }
}

/**
 * Where a run's tokenizer may lie: in its checkpoints; before the first of them, where its model came
 * from. `base` is the folder of the checkpoint that comes with the extension.
 */
export async function tokenizerFolders(
  directory: string,
  model: string,
  base: string,
): Promise<string[]> {
  return [...(await checkpointFolders(directory)), model === 'base' ? base : model];
}

/** A run's checkpoints, the newest first. */
export async function checkpointFolders(directory: string): Promise<string[]> {
  const folder = join(directory, 'checkpoints');
  try {
    const names = await readdir(folder);
    const byNumber = new Intl.Collator('en', { numeric: true });
    return names.sort((a, b) => byNumber.compare(b, a)).map((name) => join(folder, name));
  } catch {
    // None written yet.
    return [];
  }
}

async function readTokenizer(folder: string): Promise<Library | null> {
  try {
    const tokenizer = await readJson(join(folder, 'tokenizer.json'));
    const config = await readJson(join(folder, 'tokenizer_config.json')).catch(() => ({}));
    return new LibraryTokenizer(tokenizer, config);
  } catch {
    // Not there, or not one the library reads: texts stay unknown.
    return null;
  }
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return json.parse(JSON.parse(await readFile(path, 'utf8')));
}
