import { t } from '@vscode/l10n';
import type { SegmentSummary, SegmentTokens } from '../../run/model/segment.ts';
import { isLive } from '../../run/status.ts';
import type { PromptGroup } from '../../run/store.ts';
import { watchingOf, type Watching } from '../model/explain.ts';
import { partsOf, pathView, tokenDetail, type PartOfPath } from '../model/path.ts';
import { interesting, promptList, type PromptList } from './prompts.ts';
import { sameKey } from '../model/shapes.ts';
import { sharedStart } from '../model/prompt.ts';
import type { ColourMode, PathView, PromptKey, Strip, TokenDetail } from '../model/shapes.ts';
import type { PromptQuery, PromptWindow, RunHeader, RunRecipe, TreeView } from './protocol.ts';
import { runRecipe } from './run-recipe.ts';
import type { RunSource } from '../model/source.ts';
import { mean, stripOf } from '../model/strip.ts';
import { treeRows } from '../model/tree.ts';
import { Vocabulary } from '../model/vocabulary.ts';

/** Tokens whose values are kept at hand; about 60 bytes each. */
const TOKENS_KEPT = 500_000;
/** Longest prompt that is shown whole. */
const PROMPT_LENGTH = 20_000;
/** Most rows one request may ask for. */
const WINDOW = 500;

/**
 * Answers the explorer's questions about one run. Holds no view state: the same question always
 * has the same answer until the run grows.
 */
export class ExplorerModel {
  readonly #source: RunSource;
  readonly #vocabulary: Vocabulary;
  /** The most recently used last. `length` is 0 until they are read. */
  readonly #tokens = new Map<number, { reading: Promise<SegmentTokens>; length: number }>();
  #tokensKept = 0;
  #revision = 0;
  /** The last list asked for, and what it was made from. */
  #list: { groups: readonly PromptGroup[]; count: number; query: string; list: PromptList } | null =
    null;
  #start: { count: number; text: string } = { count: 0, text: '' };

  constructor(source: RunSource, vocabulary: Vocabulary = new Vocabulary()) {
    this.#source = source;
    this.#vocabulary = vocabulary;
  }

  /** Another run lies in the directory now: what was read of the old one counts no more. */
  forget(): void {
    this.#tokens.clear();
    this.#tokensKept = 0;
    this.#list = null;
    this.#start = { count: 0, text: '' };
    this.#revision += 1;
  }

  get rules(): Watching {
    return watchingOf(this.#source.manifest.recipe);
  }

  header(controllable: boolean): RunHeader {
    const { manifest, status, steps, problems, directory } = this.#source;
    const groups = this.#source.groups();
    const last = steps.at(-1);
    const recorded = new Set(groups.map((group) => group.step));
    const { uncertainty_threshold, entropy_threshold } = this.rules;
    return {
      directory,
      name: manifest.name,
      strategy: manifest.strategy,
      state: status.kind,
      message: 'message' in status ? status.message : '',
      next: 'next' in status ? status.next : '',
      step: last?.step ?? null,
      max_steps: manifest.max_steps,
      reward: last?.metrics.reward ?? null,
      truncation_rate: last?.metrics['adaptive/truncation_rate'] ?? null,
      prompts: groups.length,
      completions: groups.reduce((sum, group) => sum + group.completions, 0),
      capture: captureOf(manifest),
      problems: [...problems],
      thresholds: { max_prob: uncertainty_threshold, entropy: entropy_threshold },
      controllable: this.#takesCommands(controllable),
      revision: this.#revision,
      newest_step: groups.at(-1)?.step ?? null,
      probes: groups.reduce((sum, group) => sum + group.probes, 0),
      steps: recorded.size,
      interesting: interesting(groups),
    };
  }

  recipe(controllable: boolean): RunRecipe {
    return runRecipe(this.#source, this.#takesCommands(controllable));
  }

  /** The list of runs may not have heard yet that this one has ended. */
  #takesCommands(controllable: boolean): boolean {
    return controllable && isLive(this.#source.status);
  }

  prompts(query: PromptQuery, from: number, to: number): PromptWindow {
    const { rows, prompts } = this.#promptList(query);
    const start = Math.min(from, rows.length);
    const end = Math.min(to, start + WINDOW);
    return { total: rows.length, prompts, from: start, rows: rows.slice(start, end) };
  }

  /** The index of a prompt's row in the list, null where it isn't listed. */
  locate(query: PromptQuery, key: PromptKey): number | null {
    const index = this.#promptList(query).rows.findIndex(
      (row) => row.kind === 'prompt' && sameKey(row, key),
    );
    return index < 0 ? null : index;
  }

  tree(key: PromptKey): TreeView | null {
    const segments = this.#source.tree(key.step, key.prompt_id);
    if (segments.length === 0) return null;
    const prompt = segments.find((segment) => segment.prompt !== null)?.prompt ?? '';
    const rows = treeRows(segments);
    const ended = rows.filter((row) => row.status !== 'truncated' && row.kind !== 'probe');
    const rewards = ended.flatMap(({ reward }) => (reward === null ? [] : [reward]));
    return {
      ...key,
      prompt: prompt.slice(0, PROMPT_LENGTH),
      prompt_length: prompt.length > PROMPT_LENGTH ? prompt.length : null,
      completions: ended.length,
      reward_mean:
        rewards.length === 0 ? null : rewards.reduce((sum, r) => sum + r, 0) / rewards.length,
      extent: rows.reduce((most, row) => Math.max(most, row.fork_at + row.length), 1),
      rows,
    };
  }

  async strips(
    key: PromptKey,
    ids: readonly number[],
    mode: ColourMode,
    stride: number,
  ): Promise<Strip[]> {
    const wanted = new Set(ids);
    const segments = this.#source
      .tree(key.step, key.prompt_id)
      .filter((segment) => wanted.has(segment.segment_id));
    return await Promise.all(
      segments.map(async ({ segment_id, fork_at }) => {
        const advantages = await this.#source.strip(segment_id, 'advantage');
        const values =
          mode === 'advantage' ? advantages : await this.#source.strip(segment_id, mode);
        const strip = stripOf(segment_id, fork_at, values, mode, stride);
        return { ...strip, advantage: mean(advantages) };
      }),
    );
  }

  async path(key: PromptKey, segment_id: number): Promise<PathView> {
    const { segments, parts } = this.#parts(key, segment_id);
    const tokens = await Promise.all(
      parts.map(({ segment }) => this.#tokensOf(segment.segment_id)),
    );
    return pathView(segments, parts, tokens, this.rules, this.#vocabulary);
  }

  async token(key: PromptKey, segment_id: number, position: number): Promise<TokenDetail> {
    const { segments, parts } = this.#parts(key, segment_id);
    const part = parts.find(({ from, to }) => position >= from && position < to);
    if (part === undefined) throw new Error(t('The path has no token {0}.', position));
    const id = part.segment.segment_id;
    const label = treeRows(segments).find((row) => row.segment_id === id)?.label ?? '';
    const tokens = await this.#tokensOf(id);
    return tokenDetail(part, tokens, label, position, this.rules, this.#vocabulary);
  }

  #parts(
    key: PromptKey,
    segment_id: number,
  ): { segments: readonly SegmentSummary[]; parts: PartOfPath[] } {
    const segments = this.#source.tree(key.step, key.prompt_id);
    return { segments, parts: partsOf(segments, segment_id) };
  }

  /** The list is kept: windows of it are asked for while somebody scrolls. */
  #promptList(query: PromptQuery): PromptList {
    const groups = this.#source.groups();
    const key = JSON.stringify(query);
    const kept = this.#list;
    if (kept?.groups === groups && kept.count === groups.length && kept.query === key) {
      return kept.list;
    }
    const list = promptList(groups, query, this.#sharedStart(groups));
    this.#list = { groups, count: groups.length, query: key, list };
    return list;
  }

  #sharedStart(groups: readonly PromptGroup[]): string {
    if (this.#start.count !== groups.length) {
      const text = sharedStart([...new Set(groups.map((group) => group.prompt))]);
      this.#start = { count: groups.length, text };
    }
    return this.#start.text;
  }

  /** The least recently used go first. A read that fails is not kept. */
  async #tokensOf(segment_id: number): Promise<SegmentTokens> {
    const kept = this.#tokens.get(segment_id);
    if (kept !== undefined) {
      this.#tokens.delete(segment_id);
      this.#tokens.set(segment_id, kept);
      return await kept.reading;
    }
    const entry = { reading: this.#source.tokens(segment_id), length: 0 };
    this.#tokens.set(segment_id, entry);
    try {
      const tokens = await entry.reading;
      this.#vocabulary.learn(tokens);
      // Meanwhile it may have been forgotten.
      if (this.#tokens.get(segment_id) === entry) {
        entry.length = tokens.token_ids.length;
        this.#tokensKept += entry.length;
        this.#makeRoom();
      }
      return tokens;
    } catch (error) {
      if (this.#tokens.get(segment_id) === entry) this.#tokens.delete(segment_id);
      throw error;
    }
  }

  #makeRoom(): void {
    for (const [segment_id, { length }] of this.#tokens) {
      if (this.#tokensKept <= TOKENS_KEPT || this.#tokens.size <= 1) return;
      this.#tokens.delete(segment_id);
      this.#tokensKept -= length;
    }
  }
}

/** "N of M" prompts of a step, where not all are recorded; M is known for recipes in TRL's names. */
function captureOf(manifest: RunSource['manifest']): RunHeader['capture'] {
  const recorded = manifest.capture.groups_per_step;
  if (recorded === null) return null;
  const number = (key: string): number => {
    const value = manifest.recipe[key];
    return typeof value === 'number' ? value : NaN;
  };
  const accumulation = manifest.recipe.gradient_accumulation_steps ?? 1;
  const prompts =
    (number('per_device_train_batch_size') *
      (typeof accumulation === 'number' ? accumulation : 1)) /
    number('num_generations');
  const of = Number.isFinite(prompts) && prompts >= 1 ? Math.floor(prompts) : null;
  if (of !== null && of <= recorded) return null;
  return { recorded, of };
}
