import { t } from '@vscode/l10n';
import type { PackageName, PythonFacts } from './facts.ts';

/** What is wanted of a Python. */
export interface Wanted {
  /** Of the trainer that comes with us. */
  version: string;
  /** The TRL that it was tested with: from the first on, below the second. */
  trl: readonly [least: string, below: string];
  /** Beside the trainer, which brings what it always needs. */
  packages: readonly PackageName[];
}

/** Why a Python can't train. */
export type Lack =
  | { kind: 'python'; found: string }
  | { kind: 'trainer' }
  | { kind: 'version'; found: string; wanted: string }
  | { kind: 'packages'; missing: readonly PackageName[] }
  | { kind: 'trl'; found: string; wanted: Wanted['trl'] };

/** The trainer's `requires-python`. */
export const leastPython = [3, 11] as const;
const always: readonly PackageName[] = ['trl', 'torch', 'transformers', 'accelerate'];

/** What is in the way, the worst first; null where it can train. */
export function lackOf(facts: PythonFacts, wanted: Wanted): Lack | null {
  const [major = 0, minor = 0] = facts.python.split('.').map(Number);
  const [leastMajor, leastMinor] = leastPython;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    return { kind: 'python', found: facts.python };
  }
  const found = facts.packages['adaptive-grpo'];
  if (found === null) return { kind: 'trainer' };
  // What follows a plus is somebody's own build of the same version.
  if (found.split('+')[0] !== wanted.version) {
    return { kind: 'version', found, wanted: wanted.version };
  }
  const missing = [...always, ...wanted.packages].filter((name) => facts.packages[name] === null);
  if (missing.length > 0) return { kind: 'packages', missing: [...new Set(missing)] };
  const { trl } = facts.packages;
  const [least, below] = wanted.trl;
  if (trl === null || (!isBelow(trl, least) && isBelow(trl, below))) return null;
  return { kind: 'trl', found: trl, wanted: wanted.trl };
}

/** Whether a version comes before another; `1.17.0.dev1` is a 1.17. */
function isBelow(version: string, other: string): boolean {
  const numbers = (text: string) => text.split('.').map((each) => Number.parseInt(each, 10) || 0);
  const [a, b] = [numbers(version), numbers(other)];
  const at = b.findIndex((number, i) => number !== (a[i] ?? 0));
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

/** In words, to stand after the name of a Python. */
export function lackInWords(lack: Lack): string {
  switch (lack.kind) {
    case 'python':
      return t('Python {0}; the trainer needs {1} or newer', lack.found, leastPython.join('.'));
    case 'trainer':
      return t('the trainer is not installed');
    case 'version':
      return t('the trainer is {0}; this extension comes with {1}', lack.found, lack.wanted);
    case 'packages':
      return t('{0} missing', lack.missing.join(', '));
    case 'trl': {
      const [least, below] = lack.wanted;
      return t(
        'TRL is {0}; the trainer was tested with {1} and later, below {2}',
        lack.found,
        least,
        below,
      );
    }
  }
}
