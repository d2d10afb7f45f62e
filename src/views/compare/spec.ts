import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';

/** Which runs are compared: what a tab is restored by, and what a comparison being made grows. */

const side = z.object({
  /** What a person calls it. */
  name: z.string(),
  /** Absolute. */
  directories: z.array(z.string().min(1)),
});

const numbers = z.array(z.number());

export const specSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('runs'),
    /** What the tab is called. */
    name: z.string(),
    sides: z.tuple([side, side]),
    /** Accuracies whose price in tokens the table tells; null: whatever suits the runs. */
    targets: numbers.nullable(),
  }),
  /** A `comparison.json`; absolute. */
  z.object({ kind: z.literal('file'), path: z.string().min(1), targets: numbers.nullable() }),
]);
export type Spec = z.infer<typeof specSchema>;
export type RunsSpec = Extract<Spec, { kind: 'runs' }>;

/** The part of `vscode.Uri` needed here. */
interface Address {
  scheme: string;
  fsPath: string;
  toString(skipEncoding: boolean): string;
}

/**
 * The comparison in a `comparison.json`. It names run directories beside it, so it has to lie where
 * those can lie: throws a `PlainError` for a file of a virtual workspace, or of a commit.
 */
export function fileSpec(uri: Address): Spec {
  if (uri.scheme === 'file') return { kind: 'file', path: uri.fsPath, targets: null };
  throw new PlainError(
    t('{0} is not a file on this computer.', uri.toString(true)),
    t('Save it to a folder on this computer, and open it there.'),
  );
}

/** The same runs on the same sides are one tab. */
export function keyOf(spec: Spec): string {
  if (spec.kind === 'file') return `file ${spec.path}`;
  return `runs ${JSON.stringify(spec.sides.map(({ directories }) => directories.toSorted()))}`;
}

const restored = z.object({ spec: specSchema });

/** From what the page keeps over restarts; null where it says nothing that can be read. */
export function restoredSpec(state: unknown): Spec | null {
  const parsed = restored.safeParse(state);
  return parsed.success ? parsed.data.spec : null;
}
