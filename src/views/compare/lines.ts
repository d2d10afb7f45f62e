import { t } from '@vscode/l10n';
import type { Comparison } from '../../compare/model.ts';
import { isLive } from '../../run/status.ts';
import type { RunStore } from '../../run/store.ts';
import type { MakingOf } from './actions.ts';
import type { RunLine } from './protocol.ts';
import type { ComparisonSource, SourceRun } from './source.ts';

/** The runs of a comparison in words, and which of them belong side by side. */

export function linesOf(source: ComparisonSource, making: MakingOf | null): RunLine[] {
  return [...source.runs.map(lineOf), ...(making === null ? [] : waitingLines(making))];
}

function lineOf({ side, directory, store, run, trouble }: SourceRun): RunLine {
  const seed = run?.seed ?? null;
  const last = run?.steps.at(-1)?.step ?? null;
  if (store !== null) {
    const { status, manifest } = store;
    return {
      side,
      seed,
      state: status.kind,
      alive: isLive(status),
      directory,
      step: last,
      max_steps: manifest.max_steps,
      message: 'message' in status ? status.message : '',
      next: 'next' in status ? status.next : '',
    };
  }
  // What a `comparison.json` kept is enough for the curves.
  const words = run === null ? trouble : null;
  return {
    side,
    seed,
    state: run === null ? 'missing' : 'recorded',
    alive: false,
    directory,
    step: last,
    max_steps: null,
    message: words?.message ?? '',
    next: words?.next ?? '',
  };
}

/** Runs that have not begun. */
function waitingLines({ jobs, states }: MakingOf): RunLine[] {
  return jobs.flatMap(({ side, seed }, i): RunLine[] => {
    const state = states[i];
    if (state === undefined || 'directory' in state) return [];
    return [
      {
        side,
        seed,
        state: state.kind,
        alive: state.kind === 'waiting' || state.kind === 'starting',
        directory: null,
        step: null,
        max_steps: null,
        message: state.kind === 'failed' ? state.message : '',
        next: state.kind === 'failed' ? state.next : '',
      },
    ];
  });
}

/** Two runs whose rollouts are at hand. */
export interface Pair {
  /** Index among the runs of each side. */
  runs: [number, number];
  label: string;
  stores: readonly [RunStore, RunStore];
}

/** Seed beside seed; where the sides share none, in their order. */
export function pairsOf(source: ComparisonSource, { sides }: Comparison): Pair[] {
  const [first, second] = sides.map(({ runs }) => runs);
  if (first === undefined || second === undefined) return [];
  const shared = first.some(({ seed }) => second.some((other) => other.seed === seed));
  return first.flatMap(({ seed }, i): Pair[] => {
    const j = shared ? second.findIndex((run) => run.seed === seed) : i;
    const other = second[j];
    const stores = [source.runAt(0, i)?.store ?? null, source.runAt(1, j)?.store ?? null] as const;
    const [left, right] = stores;
    if (other === undefined || left === null || right === null) return [];
    const label =
      seed === other.seed ? t('seed {0}', seed) : t('seeds {0} and {1}', seed, other.seed);
    return [{ runs: [i, j], label, stores: [left, right] }];
  });
}
