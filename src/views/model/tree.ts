import { t } from '@vscode/l10n';
import { accuracyOf } from '../../run/groups.ts';
import type { SegmentSummary } from '../../run/model/segment.ts';
import type { TreeRow } from './shapes.ts';

/** Whether the completion that ends here is right. Null where none ends here or none was judged. */
export function isRight(segment: SegmentSummary): boolean | null {
  if (segment.status === 'truncated') return null;
  const accuracy = accuracyOf(segment);
  return accuracy === null ? null : accuracy >= 1;
}

/** A segment whose parent is not among `segments` counts as a root: nothing is dropped. */
function childrenOf(segments: readonly SegmentSummary[]): Map<number | null, SegmentSummary[]> {
  const known = new Set(segments.map((segment) => segment.segment_id));
  const children = new Map<number | null, SegmentSummary[]>();
  for (const segment of segments) {
    const parent =
      segment.parent_id !== null && known.has(segment.parent_id) ? segment.parent_id : null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [segment]);
    else siblings.push(segment);
  }
  for (const siblings of children.values()) {
    siblings.sort((a, b) => a.fork_at - b.fork_at || a.attempt - b.attempt || byId(a, b));
  }
  return children;
}

const byId = (a: SegmentSummary, b: SegmentSummary): number => a.segment_id - b.segment_id;

function labelOf(segment: SegmentSummary, roots: number, probes: number): string {
  if (segment.kind === 'probe') return t('probe {0}', probes);
  return segment.kind === 'root' ? t('root {0}', roots) : t('try {0}', segment.attempt);
}

/** The rows of one prompt's tree, parents before children, every subtree in one piece. */
export function treeRows(segments: readonly SegmentSummary[]): TreeRow[] {
  const children = childrenOf(segments);
  const rows: TreeRow[] = [];
  let roots = 0;
  let probes = 0;
  // An explicit stack: a chain of resamples may be deeper than the call stack.
  const stack: { segment: SegmentSummary; depth: number; position: number; siblings: number }[] =
    [];
  const push = (parent: number | null, depth: number) => {
    const siblings = children.get(parent) ?? [];
    for (let i = siblings.length - 1; i >= 0; i--) {
      const segment = siblings[i];
      if (segment !== undefined) {
        stack.push({ segment, depth, position: i + 1, siblings: siblings.length });
      }
    }
  };
  push(null, 1);
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { segment } = next;
    if (segment.kind === 'root') roots += 1;
    if (segment.kind === 'probe') probes += 1;
    const { segment_id, parent_id, kind, status, trigger, failure_point } = segment;
    const { failure_max_prob, failure_entropy, fork_at, length, attempt } = segment;
    const { temperature, reward, value, rewards, trained } = segment;
    rows.push({
      segment_id,
      parent_id,
      depth: next.depth,
      position: next.position,
      siblings: next.siblings,
      children: children.get(segment_id)?.length ?? 0,
      label: labelOf(segment, roots, probes),
      kind,
      status,
      trigger,
      failure_point,
      failure_max_prob,
      failure_entropy,
      fork_at,
      length,
      attempt,
      temperature,
      reward,
      value,
      right: isRight(segment),
      rewards,
      trained,
      ...(segment.origin === undefined ? {} : { origin: segment.origin }),
    });
    push(segment_id, next.depth + 1);
  }
  return rows;
}

/** The rows that show when the subtrees of `folded` are folded away. */
export function visibleRows<Row extends Pick<TreeRow, 'segment_id' | 'depth'>>(
  rows: readonly Row[],
  folded: ReadonlySet<number>,
): Row[] {
  const visible: Row[] = [];
  let hiddenBelow = Infinity;
  for (const row of rows) {
    if (row.depth > hiddenBelow) continue;
    visible.push(row);
    hiddenBelow = folded.has(row.segment_id) ? row.depth : Infinity;
  }
  return visible;
}

/** Root first, `segment_id` last; empty where the tree has no such segment (any more). */
export function pathOf(
  segments: readonly SegmentSummary[],
  segment_id: number,
): readonly SegmentSummary[] {
  const known = new Map(segments.map((segment) => [segment.segment_id, segment]));
  const path: SegmentSummary[] = [];
  let next = known.get(segment_id);
  // A parent's id is smaller than its children's; a file that breaks that must not loop us.
  while (next !== undefined && next.segment_id < (path.at(-1)?.segment_id ?? Infinity)) {
    path.push(next);
    next = next.parent_id === null ? undefined : known.get(next.parent_id);
  }
  return path.reverse();
}

/** The segment one wants to read first: the most telling of a tree. */
export function telling(rows: readonly TreeRow[]): TreeRow | undefined {
  return (
    rows.find((row) => row.kind === 'resample' && row.right === true) ??
    rows.find((row) => row.kind === 'resample' && row.right !== null) ??
    rows.find((row) => row.right !== null) ??
    rows[0]
  );
}
