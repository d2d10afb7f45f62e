import { z } from 'zod';
import { FIRST_PROBE_ID } from '../../run/model/probe.ts';
import type { SegmentKind } from '../../run/model/segment.ts';

/** The scheme of rollout documents' URIs; `package.json` names it in `when` clauses. */
export const rolloutScheme = 'adaptive-grpo-rollout';

/** Names a path of a run: the one from a root to the end of a segment. */
export const rolloutAddress = z.object({
  /** Run directory, absolute. */
  directory: z.string().min(1),
  segment_id: z.number().int().nonnegative(),
});
export type RolloutAddress = z.infer<typeof rolloutAddress>;

/** What never changes about a segment, whatever else of its tree is written later. */
export interface Named {
  run: string;
  prompt_id: string;
  step: number;
  kind: SegmentKind;
  attempt: number;
}

/**
 * The part of a URI that says which rollout it is. Its path is only for people (tab, breadcrumbs),
 * so that a document finds its rollout again in another window and after the run was renamed.
 */
export function queryOf({ directory, segment_id }: RolloutAddress): string {
  return new URLSearchParams({ directory, segment: String(segment_id) }).toString();
}

/** Null where the query names no rollout: VS Code also asks for files that might lie beside one. */
export function addressIn(query: string): RolloutAddress | null {
  const parameters = new URLSearchParams(query);
  const parsed = rolloutAddress.safeParse({
    directory: parameters.get('directory'),
    segment_id: parseInt(parameters.get('segment') ?? '', 10),
  });
  return parsed.success ? parsed.data : null;
}

/** Longest part of a title that a run may choose. */
const LONGEST = 60;

/** Run, prompt and file name, as tab and breadcrumbs show them. */
export function titlePath(named: Named, { segment_id }: RolloutAddress): string {
  const { run, prompt_id, step, kind, attempt } = named;
  const what = kind === 'resample' ? `try ${attempt}` : kind;
  // Probes are counted from one, whatever ids keep them apart from the engine's segments.
  const id = segment_id < FIRST_PROBE_ID ? segment_id : segment_id - FIRST_PROBE_ID + 1;
  return `/${inPath(run)}/${inPath(prompt_id)}/step ${step} · ${what} · ${id}.rollout`;
}

/** Whoever wrote the run chose its names: nothing of them may end the path or turn it around. */
function inPath(name: string): string {
  const plain = name
    .replaceAll(/[^\p{L}\p{N} ._=+-]+/gu, '_')
    .slice(0, LONGEST)
    .trim();
  return /^\.*$/.test(plain) ? '_' : plain;
}
