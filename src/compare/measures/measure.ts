import type { ComparedRun, Row } from '../model.ts';

/** What one run says about one row of the table. */
export interface Measured {
  value: number | null;
  /** Not reached within this much. */
  beyond: number | null;
}

/** A row of the table before both sides are put into it. */
export interface Measure extends Pick<Row, 'id' | 'label' | 'meaning' | 'unit' | 'better'> {
  of: (run: ComparedRun) => Measured;
}

/** The metric that says how good a run is: held-out accuracy, greedy. */
export const ACCURACY = 'eval/accuracy';
export const nothing: Measured = { value: null, beyond: null };
export const known = (value: number | null | undefined): Measured => ({
  value: value ?? null,
  beyond: null,
});

/** Held-out accuracy, greedy, by generated tokens; evaluations without either are left out. */
export function accuracySeries(run: ComparedRun) {
  const points = run.evaluations.filter(
    ({ generated_tokens, metrics }) => generated_tokens !== null && ACCURACY in metrics,
  );
  return {
    seed: run.seed,
    x: points.map(({ generated_tokens }) => generated_tokens ?? 0),
    y: points.map(({ metrics }) => metrics[ACCURACY] ?? 0),
  };
}
