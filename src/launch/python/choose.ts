import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../../common/errors.ts';
import { factsOf } from './facts.ts';
import type { PythonFacts } from './facts.ts';
import { findInterpreters, namedInterpreter } from './interpreters.ts';
import type { Candidate, Places } from './interpreters.ts';
import { lackInWords, lackOf } from './lack.ts';
import type { Wanted } from './lack.ts';

/** A Python that was asked what it has. */
export type Examined = Candidate &
  (
    | { kind: 'fit'; facts: PythonFacts }
    | { kind: 'lacking'; facts: PythonFacts; why: string; tooOld: boolean }
    | { kind: 'broken'; why: string }
  );

/** No Python here can train; what can be done about it is offered beside the sentence. */
export class NoTrainerError extends PlainError {
  /** The one that comes closest, for the trainer to be installed into; null: none is new enough. */
  readonly best: Examined | null;
  readonly wanted: Wanted;

  constructor(message: string, next: string, best: Examined | null, wanted: Wanted) {
    super(message, next);
    this.name = 'NoTrainerError';
    this.best = best;
    this.wanted = wanted;
  }
}

/** Asks one Python. Rejects only when cancelled. */
export async function examine(
  candidate: Candidate,
  wanted: Wanted,
  signal?: AbortSignal,
): Promise<Examined> {
  try {
    const facts = await factsOf(candidate.python, signal === undefined ? {} : { signal });
    const lack = lackOf(facts, wanted);
    if (lack === null) return { ...candidate, kind: 'fit', facts };
    const tooOld = lack.kind === 'python';
    return { ...candidate, kind: 'lacking', facts, why: lackInWords(lack), tooOld };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return { ...candidate, kind: 'broken', why: messageOf(error) };
  }
}

/** So many at once: each is a process that reads hundreds of folders. */
const AT_ONCE = 4;

/** Asks all of them, in their order. Rejects only when cancelled. */
export async function examineAll(
  candidates: readonly Candidate[],
  wanted: Wanted,
  signal?: AbortSignal,
): Promise<Examined[]> {
  const examined: Examined[] = [];
  for (let i = 0; i < candidates.length; i += AT_ONCE) {
    const some = candidates.slice(i, i + AT_ONCE);
    examined.push(...(await Promise.all(some.map((each) => examine(each, wanted, signal)))));
  }
  return examined;
}

/** Each Python once: shims of a version manager have many names for one. */
export function distinct(examined: readonly Examined[]): Examined[] {
  const seen = new Set<string>();
  return examined.filter((each) => {
    const program = each.kind === 'broken' ? each.python : each.facts.prefix;
    return !seen.has(program) && seen.add(program);
  });
}

/**
 * The first that can train.
 *
 * @throws NoTrainerError where none can; CancelledError
 */
export async function chooseInterpreter(
  candidates: readonly Candidate[],
  wanted: Wanted,
  signal?: AbortSignal,
): Promise<Examined & { kind: 'fit' }> {
  const examined: Examined[] = [];
  for (let i = 0; i < candidates.length; i += AT_ONCE) {
    const some = await examineAll(candidates.slice(i, i + AT_ONCE), wanted, signal);
    for (const each of some) if (each.kind === 'fit') return each;
    examined.push(...some);
  }
  throw noneOf(examined, wanted);
}

export interface Choice extends Places {
  /** What a person chose; empty: nothing. */
  setting: string;
  /** What a relative path in it is about. */
  folder: string | null;
}

/**
 * The one that was chosen, else the first of all that can train.
 *
 * @throws NoTrainerError where it can't, or none can; CancelledError
 */
export async function resolveInterpreter(
  choice: Choice,
  wanted: Wanted,
  signal?: AbortSignal,
): Promise<Examined & { kind: 'fit' }> {
  const { setting, folder } = choice;
  if (setting === '') return chooseInterpreter(await findInterpreters(choice), wanted, signal);
  const python = await namedInterpreter(setting, folder, choice).catch((error: unknown) => {
    if (!(error instanceof PlainError)) throw error;
    throw new NoTrainerError(error.message, error.next, null, wanted);
  });
  return chooseInterpreter([{ python, source: setting }], wanted, signal);
}

/** Says of one Python what is in the way, of several what is in the way of the nearest. */
export function noneOf(examined: readonly Examined[], wanted: Wanted): NoTrainerError {
  const next = t('“Set Up Python for Training” installs it in an environment of its own.');
  const answering = distinct(examined).filter(({ kind }) => kind !== 'broken');
  const best = examined.toSorted((a, b) => closeness(b) - closeness(a))[0];
  if (best === undefined) {
    const message = t('This recipe is for TRL, and there is no Python here.');
    const first = t('Install Python 3.11 or newer (https://www.python.org), then try again.');
    return new NoTrainerError(message, first, null, wanted);
  }
  const usable = best.kind === 'lacking' && !best.tooOld ? best : null;
  const why = best.kind === 'fit' ? '' : best.why;
  const message =
    answering.length <= 1
      ? t('This recipe is for TRL, and {0} can’t train it: {1}.', best.python, why)
      : t(
          'This recipe is for TRL, and none of {0} Pythons can train it. The nearest is {1}: {2}.',
          answering.length,
          best.python,
          why,
        );
  return new NoTrainerError(message, next, usable, wanted);
}

function closeness(examined: Examined): number {
  if (examined.kind === 'fit') return Infinity;
  if (examined.kind === 'broken') return -1;
  const { packages } = examined.facts;
  const has = Object.values(packages).filter((found) => found !== null).length;
  return (examined.tooOld ? 0 : 100) + has + (packages['adaptive-grpo'] === null ? 0 : 20);
}
