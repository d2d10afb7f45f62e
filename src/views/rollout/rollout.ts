import { t } from '@vscode/l10n';
import { PlainError } from '../../common/errors.ts';
import type { SegmentSummary, SegmentTokens } from '../../run/model/segment.ts';
import { watchingOf, type Watching } from '../model/explain.ts';
import { partsOf, pathView, type PartOfPath } from '../model/path.ts';
import type { PathView, PromptKey, TreeRow } from '../model/shapes.ts';
import type { RunSource } from '../model/source.ts';
import { tokenGroups } from '../model/text.ts';
import { treeRows } from '../model/tree.ts';
import type { Vocabulary } from '../model/vocabulary.ts';
import type { RolloutAddress } from './address.ts';
import { DocumentText, lastAtMost } from './document-text.ts';

/**
 * One path of a run as a document: the prompt, a line break, and the completion, each exactly as it
 * was written. A snapshot: what the run writes later makes another one.
 */
export interface Rollout {
  readonly address: RolloutAddress;
  readonly run: { id: string; name: string };
  readonly rules: Watching;
  readonly key: PromptKey;
  readonly prompt: string;
  readonly document: DocumentText;
  /** Where the completion begins in the document's text. */
  readonly start: number;
  readonly view: PathView;
  readonly parts: readonly PartOfPath[];
  /** Of each part's whole segment. */
  readonly tokens: readonly SegmentTokens[];
  /** The tree that the path is part of. */
  readonly rows: readonly TreeRow[];
  /** First token of each group that makes up whole characters. */
  readonly groups: Uint32Array;
  readonly vocabulary: Vocabulary;
}

/** What a rollout is read from; `RunStore` is one. */
export type RolloutSource = Pick<RunSource, 'manifest' | 'groups' | 'tree' | 'tokens'>;

/** Reads a path; rejects with a `PlainError` where the run has no such segment. */
export async function loadRollout(
  source: RolloutSource,
  vocabulary: Vocabulary,
  address: RolloutAddress,
): Promise<Rollout> {
  const segments = treeOf(source, address.segment_id);
  const own = segments?.find(({ segment_id }) => segment_id === address.segment_id);
  if (segments === null || own === undefined) throw noSegment(source, address);
  const parts = partsOf(segments, address.segment_id);
  const tokens = await Promise.all(parts.map(({ segment }) => source.tokens(segment.segment_id)));
  for (const each of tokens) vocabulary.learn(each);
  const { recipe, run_id, name } = source.manifest;
  const rules = watchingOf(recipe);
  const view = pathView(segments, parts, tokens, rules, vocabulary);
  const prompt = segments.find((segment) => segment.prompt !== null)?.prompt ?? '';
  return {
    address,
    run: { id: run_id, name },
    rules,
    key: { step: own.step, prompt_id: own.prompt_id },
    prompt,
    document: new DocumentText(`${prompt}\n${view.text}`),
    start: prompt.length + 1,
    view,
    parts,
    tokens,
    rows: treeRows(segments),
    groups: tokenGroups(view.text, view.ends),
    vocabulary,
  };
}

/** The tree that holds a segment; the newest steps are looked at first. */
export function treeOf(
  source: RolloutSource,
  segment_id: number,
): readonly SegmentSummary[] | null {
  for (const { step, prompt_id } of source.groups().toReversed()) {
    const segments = source.tree(step, prompt_id);
    if (segments.some((segment) => segment.segment_id === segment_id)) return segments;
  }
  return null;
}

function noSegment(source: RolloutSource, { segment_id }: RolloutAddress): PlainError {
  return new PlainError(
    t('The run {0} has no segment {1}.', source.manifest.name, segment_id),
    t('Choose another rollout in the Rollout Explorer.'),
  );
}

/** Where the text of token `position` begins in the document; its end for what comes after all. */
export function offsetOf({ view, start }: Rollout, position: number): number {
  const before = position <= 0 ? 0 : view.ends[Math.min(position, view.ends.length) - 1];
  return start + (before ?? 0);
}

/** The token whose text holds this offset; null in the prompt and behind all tokens. */
export function tokenAt({ view, start }: Rollout, offset: number): number | null {
  const { ends } = view;
  const wanted = offset - start;
  if (wanted < 0 || wanted >= (ends.at(-1) ?? 0)) return null;
  // The first that ends behind it: tokens without text end where the one before does.
  return lastAtMost(ends, wanted) + (wanted < (ends[0] ?? 0) ? 0 : 1);
}

/** The tokens `[from, to)` that make up the whole characters which `position` is part of. */
export function groupOf({ groups, view }: Rollout, position: number): { from: number; to: number } {
  const index = lastAtMost(groups, position);
  return { from: groups[index] ?? position, to: groups[index + 1] ?? view.ends.length };
}

/** The position a cursor means: its token, else the first, else the one that would come next. */
export function positionAt(rollout: Rollout, offset: number): number {
  const token = tokenAt(rollout, offset);
  if (token !== null) return groupOf(rollout, token).from;
  return offset < rollout.start ? 0 : rollout.view.ends.length;
}

/** Token ids along the path. */
export function idsOf({ parts, tokens }: Rollout): Int32Array {
  const ids = new Int32Array(parts.at(-1)?.to ?? 0);
  parts.forEach(({ from, to }, i) => {
    ids.set(tokens[i]?.token_ids.subarray(0, to - from) ?? [], from);
  });
  return ids;
}

/** The text of the tokens `[from, to)`. */
export function textOf({ view }: Rollout, from: number, to: number): string {
  const begin = from <= 0 ? 0 : (view.ends[from - 1] ?? view.text.length);
  return to <= 0 ? '' : view.text.slice(begin, view.ends[Math.min(to, view.ends.length) - 1] ?? 0);
}
