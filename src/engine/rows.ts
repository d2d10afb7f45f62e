import type { SegmentCredit } from '../strategy/index.ts';
import type { GeneratedSegment, TrainingRow } from './compute/index.ts';

/** The tokens `[from, to)` of a completion, which are own tokens of `segment`. */
interface Part {
  segment: number;
  from: number;
  to: number;
  /** First own token's position in the completion. */
  start: number;
}

/** A training row and the segments its completion runs through. */
export interface CompletionRow extends TrainingRow {
  parts: readonly Part[];
}

/**
 * The training rows of one prompt: one for each scored completion, whole, from the first token
 * after the prompt. A shared prefix's tokens have their weight in the first row through them and 0
 * in the others, so that they are trained once.
 *
 * @param segments of one prompt, parents before children
 * @param credits of the same segments, in the same order
 * @param temperature the recipe's; where nothing was sampled hotter, the rows are on-policy
 */
export function completionRows(
  prompt_ids: Int32Array,
  segments: readonly GeneratedSegment[],
  credits: readonly SegmentCredit[],
  scored: ReadonlySet<number>,
  temperature: number,
): CompletionRow[] {
  const nodes = new Map<number, { segment: GeneratedSegment; credit: SegmentCredit }>();
  segments.forEach((segment, i) => {
    const credit = credits[i];
    if (credit?.segment !== segment.segment) throw new Error('credits and segments differ');
    nodes.set(segment.segment, { segment, credit });
  });
  const paths = segments
    .filter((segment) => scored.has(segment.segment))
    .map((leaf) => pathTo(leaf, nodes));
  const leavesOfRoot = new Map<number, number>();
  for (const path of paths) {
    const root = path[0]?.segment ?? -1;
    leavesOfRoot.set(root, (leavesOfRoot.get(root) ?? 0) + 1);
  }
  /** Position up to which a segment's tokens have their weight in an earlier row. */
  const claimed = new Map<number, number>();
  return paths.map((parts) => {
    const length = parts.at(-1)?.to ?? 0;
    const behaviour_logprob = new Float32Array(length);
    let onPolicy = true;
    const row = {
      prompt_ids,
      completion_ids: new Int32Array(length),
      advantage: new Float64Array(length),
      weight: new Float64Array(length),
      mass: 1 / (leavesOfRoot.get(parts[0]?.segment ?? -1) ?? 1),
      train_logprob: new Float32Array(length),
      ref_logprob: null,
      parts,
    };
    for (const { segment: id, from, to, start } of parts) {
      const node = nodes.get(id);
      if (node === undefined) continue;
      const { segment, credit } = node;
      const own = [from - start, to - start] as const;
      row.completion_ids.set(segment.token_ids.subarray(...own), from);
      row.train_logprob.set(segment.train_logprob.subarray(...own), from);
      behaviour_logprob.set(segment.logprob.subarray(...own), from);
      row.advantage.set(credit.advantage.subarray(...own), from);
      onPolicy &&= segment.temperature === temperature;
      const fresh = Math.min(to, Math.max(from, claimed.get(id) ?? 0));
      row.weight.set(credit.weight.subarray(fresh - start, to - start), fresh);
      claimed.set(id, Math.max(to, claimed.get(id) ?? 0));
    }
    return { ...row, behaviour_logprob: onPolicy ? null : behaviour_logprob };
  });
}

/** The segments a completion runs through, the root first. */
function pathTo(
  leaf: GeneratedSegment,
  nodes: ReadonlyMap<number, { segment: GeneratedSegment }>,
): Part[] {
  const parts: Part[] = [];
  let to = leaf.fork_at + leaf.token_ids.length;
  for (let at: GeneratedSegment | undefined = leaf; at !== undefined;) {
    if (to > at.fork_at || at.parent === null) {
      parts.unshift({ segment: at.segment, from: at.fork_at, to, start: at.fork_at });
      to = at.fork_at;
    }
    at = at.parent === null ? undefined : nodes.get(at.parent)?.segment;
  }
  return parts;
}
