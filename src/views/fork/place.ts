import { t } from '@vscode/l10n';
import { PlainError } from '../../common/errors.ts';
import type { Alternatives, SegmentSummary } from '../../run/model/segment.ts';
import type { RunStore } from '../../run/store.ts';
import { partsOf } from '../model/path.ts';
import { utf16Ends } from '../model/text.ts';
import { treeOf } from '../rollout/rollout.ts';

/** What is needed of a run to fork in it. */
export type ForkedRun = Pick<RunStore, 'directory' | 'manifest' | 'groups' | 'tree' | 'tokens'>;

/** A place on a path where another continuation may begin, and what comes before it. */
export interface ForkPlace {
  step: number;
  prompt_id: string;
  prompt: string;
  /** The segment that a continuation hangs on. */
  parent: SegmentSummary;
  /** Number of kept tokens of the completion. */
  fork_at: number;
  kept: {
    text: string;
    /** Null where some of them are tokens of another vocabulary. */
    ids: Int32Array | null;
  };
  /** What the policy might have said here, by the recording; null where that isn't recorded. */
  alternatives: Alternatives | null;
  /** The texts of those that are of another vocabulary. */
  texts: ReadonlyMap<number, string> | null;
  /** The token that stands there now; null where none does. */
  sampled: number | null;
}

/**
 * The place before token `position` of the path that ends with `segment_id`.
 *
 * @throws PlainError where the run has no such place
 */
export async function forkPlace(
  run: ForkedRun,
  segment_id: number,
  position: number,
): Promise<ForkPlace> {
  const segments = treeOf(run, segment_id);
  if (segments === null) {
    throw new PlainError(
      t('There is no segment {0} in this run.', segment_id),
      t('Choose another row.'),
    );
  }
  const parts = partsOf(segments, segment_id);
  const last = parts.at(-1);
  const length = last?.to ?? 0;
  const complete = last?.segment.status === 'complete';
  if (position < 0 || position > length || (complete && position === length && length > 0)) {
    throw new PlainError(
      t('This path has no token {0} to fork at.', position),
      t('Choose a token of it; its last one is token {0}.', Math.max(0, length - 1)),
    );
  }
  let text = '';
  const ids: number[] = [];
  // Where nothing is kept, the continuation stands beside the root.
  let parent = parts[0]?.segment;
  for (const { segment, from, to } of parts) {
    if (from >= position) break;
    parent = segment;
    const count = Math.min(to, position) - from;
    const tokens = await run.tokens(segment.segment_id);
    const ends = utf16Ends(tokens.text, tokens.token_ends.subarray(0, count));
    text += tokens.text.slice(0, ends.at(-1) ?? 0);
    ids.push(...tokens.token_ids.subarray(0, count));
  }
  const prompt = segments.find((segment) => segment.prompt !== null)?.prompt;
  if (parent === undefined || prompt === undefined || prompt === null) {
    throw new PlainError(t('The prompt of this rollout is not recorded.'), t('Fork another one.'));
  }
  return {
    step: parent.step,
    prompt_id: parent.prompt_id,
    prompt,
    parent,
    fork_at: position,
    kept: { text, ids: ids.some((id) => id < 0) ? null : Int32Array.from(ids) },
    ...(await thereNow(run, parts, position)),
  };
}

async function thereNow(
  run: ForkedRun,
  parts: ReturnType<typeof partsOf>,
  position: number,
): Promise<Pick<ForkPlace, 'alternatives' | 'texts' | 'sampled'>> {
  const part = parts.find(({ from, to }) => position >= from && position < to);
  if (part === undefined) {
    const last = parts.at(-1)?.segment;
    const failed = last?.failure_point === position ? last.failure_top : null;
    return { alternatives: failed ?? null, texts: null, sampled: null };
  }
  const tokens = await run.tokens(part.segment.segment_id);
  const index = position - part.from;
  return {
    alternatives: tokens.top.get(index) ?? null,
    texts: tokens.texts ?? null,
    sampled: tokens.token_ids[index] ?? null,
  };
}
