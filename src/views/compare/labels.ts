import type { SegmentSummary } from '../../run/model/segment.ts';
import { pathOf, treeRows } from '../model/tree.ts';

/** What completions are called: `root 1`, `root 1 › try 2`; as the explorer names their segments. */
export function leafLabels(segments: readonly SegmentSummary[]): ReadonlyMap<number, string> {
  const own = new Map(treeRows(segments).map(({ segment_id, label }) => [segment_id, label]));
  return new Map(
    segments.map(({ segment_id }) => {
      const path = pathOf(segments, segment_id);
      return [segment_id, path.map((each) => own.get(each.segment_id) ?? '').join(' › ')];
    }),
  );
}
