import type { Pricing, Sides } from '../model.ts';
import type { Measure } from './measure.ts';
import { benchmarks, outcomes } from './outcomes.ts';
import { prices, tokensTo } from './price.ts';
import { strategyRates, totals, training } from './training.ts';

export type { Measure, Measured } from './measure.ts';
export { chooseTargets } from './price.ts';

/** Every row a table of these runs has, in order. */
export function measuresOf(sides: Sides, targets: readonly number[], pricing: Pricing): Measure[] {
  const runs = sides.flatMap((side) => side.runs);
  return [
    ...outcomes(runs),
    ...targets.map((target) => tokensTo(target, pricing)),
    ...prices(pricing),
    ...strategyRates(),
    ...training(),
    ...totals(pricing),
    ...benchmarks(runs),
  ];
}
