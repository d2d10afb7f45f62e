import type { ComparedRun, Comparison, Point } from '../../compare/model.ts';
import type { RunGrowth } from './protocol.ts';
import { tailOf } from './tail.ts';

/** What the page knows of a run's curves. */
interface Sent {
  state: string;
  problems: string;
  steps: readonly Point[];
  evaluations: readonly Point[];
}

/** What the page was told of the runs' curves, and what is new since. */
export class SentCurves {
  #sent: readonly (readonly Sent[])[] = [];

  remember({ sides }: Comparison): void {
    this.#sent = sides.map(({ runs }) =>
      runs.map(({ state, problems, steps, evaluations }) => ({
        state,
        problems: problems.join('\n'),
        steps,
        evaluations,
      })),
    );
  }

  /** Whether there are as many runs as the page knows of. */
  hasSameRuns({ sides }: Comparison): boolean {
    return sides.every(({ runs }, side) => runs.length === this.#sent[side]?.length);
  }

  /** The runs of which there is something new. */
  growth({ sides }: Comparison): RunGrowth[] {
    return sides.flatMap(({ runs }, side) =>
      runs.flatMap((run, index): RunGrowth[] => {
        const sent = this.#sent[side]?.[index];
        const grown = sent === undefined ? null : grownSince(sent, run);
        return grown === null ? [] : [{ side: side === 0 ? 0 : 1, run: index, ...grown }];
      }),
    );
  }
}

function grownSince(
  sent: Sent,
  { state, problems, ...curves }: ComparedRun,
): Omit<RunGrowth, 'side' | 'run'> | null {
  const steps = tailOf(sent.steps, curves.steps);
  const evaluations = tailOf(sent.evaluations, curves.evaluations);
  const same =
    steps.points.length === 0 &&
    steps.from === sent.steps.length &&
    evaluations.points.length === 0 &&
    evaluations.from === sent.evaluations.length &&
    sent.state === state &&
    sent.problems === problems.join('\n');
  return same ? null : { state, problems, steps, evaluations };
}
