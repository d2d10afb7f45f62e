import { t } from '@vscode/l10n';
import { PlainError } from '../../common/errors.ts';
import { pairsOf, type Pair } from './lines.ts';
import { PromptPairs } from './prompts.ts';
import type { SideIndex } from './protocol.ts';
import type { ComparisonSource } from './source.ts';

/** The pairs of runs whose prompts lie side by side, as the page numbers them. */
export class OpenPairs {
  readonly #open: () => Promise<ComparisonSource>;
  #prompts = new Map<string, PromptPairs>();

  constructor(open: () => Promise<ComparisonSource>) {
    this.#open = open;
  }

  /** Null where there is no such pair (any more). */
  async prompts(index: number): Promise<PromptPairs | null> {
    // What is forgotten while this is on its way stays forgotten.
    const kept = this.#prompts;
    const pair = await this.#pair(index);
    if (pair === null) return null;
    const [first, second] = pair.stores;
    const key = `${first.directory}\n${second.directory}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const { same_tokens } = await (await this.#open()).comparison();
    const prompts = new PromptPairs(first, second, same_tokens);
    kept.set(key, prompts);
    return prompts;
  }

  /** Rejects with a `PlainError` where there is no such pair (any more). */
  async directory(index: number, side: SideIndex): Promise<string> {
    const found = await this.#pair(index);
    if (found === null) throw new PlainError(t('This run is not here any more.'), '');
    return found.stores[side].directory;
  }

  /** Other runs may be open by now. */
  forget(): void {
    this.#prompts = new Map();
  }

  async #pair(index: number): Promise<Pair | null> {
    const source = await this.#open();
    return pairsOf(source, await source.comparison())[index] ?? null;
  }
}
