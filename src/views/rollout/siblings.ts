import type { SegmentSummary } from '../../run/model/segment.ts';
import type { TreeRow } from '../model/shapes.ts';
import type { Vocabulary } from '../model/vocabulary.ts';
import { firstDifference } from './difference.ts';
import { loadRollout, textOf, treeOf, type Rollout, type RolloutSource } from './rollout.ts';

/** What another path of the same tree has at a position. */
export interface SiblingHere {
  row: TreeRow;
  /** Where the two part; null where they are the same, token by token. */
  parted: number | null;
  /** Null where the path ends before the position. */
  token: { text: string; probability: number; entropy: number } | null;
  /** The text from the position on. */
  after: string;
}

/** Tokens shown from the position on. */
const AHEAD = 24;
/** Paths of a tree that are read; the rest would make a list nobody reads. */
const MOST = 200;

/** Paths are told by their ends: segments that nothing grew from, or that are asked for. */
export function endsOf(segments: readonly SegmentSummary[]): SegmentSummary[] {
  const parents = new Set(segments.map(({ parent_id }) => parent_id));
  return segments.filter(({ segment_id, status }) => {
    // A truncated segment that was gone on from is only the beginning of others.
    return status !== 'truncated' || !parents.has(segment_id);
  });
}

/** The other paths of a rollout's tree at one position, those that go along with it longest first. */
export async function siblingsAt(
  source: RolloutSource,
  vocabulary: Vocabulary,
  rollout: Rollout,
  position: number,
): Promise<SiblingHere[]> {
  const { directory, segment_id: own } = rollout.address;
  const segments = treeOf(source, own) ?? [];
  const others = endsOf(segments).filter(({ segment_id }) => segment_id !== own);
  const found: SiblingHere[] = [];
  for (const { segment_id } of others.slice(0, MOST)) {
    const other = await loadRollout(source, vocabulary, { directory, segment_id });
    const row = other.rows.find((each) => each.segment_id === segment_id);
    if (row === undefined) continue;
    const parted = firstDifference(rollout, other);
    found.push({ row, parted, ...hereIn(other, position) });
  }
  return found.sort((a, b) => (b.parted ?? Infinity) - (a.parted ?? Infinity));
}

function hereIn(other: Rollout, position: number): Pick<SiblingHere, 'token' | 'after'> {
  const { view } = other;
  if (position >= view.ends.length) return { token: null, after: '' };
  return {
    token: {
      text: textOf(other, position, position + 1),
      probability: Math.exp(view.logprob[position] ?? NaN),
      entropy: view.entropy[position] ?? NaN,
    },
    after: textOf(other, position, position + AHEAD),
  };
}

/** `root 1 › try 2`: several rows of a tree are called `try 2`. */
export function crumbs(row: TreeRow, rows: readonly TreeRow[]): string {
  const labels = [row.label];
  let parent = row.parent_id;
  // Parents stand above their children.
  for (let i = rows.findIndex((each) => each.segment_id === row.segment_id) - 1; i >= 0; i--) {
    const above = rows[i];
    if (above === undefined) break;
    if (above.segment_id !== parent) continue;
    labels.unshift(above.label);
    parent = above.parent_id;
  }
  return labels.join(' › ');
}
