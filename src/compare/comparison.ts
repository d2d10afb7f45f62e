import { chooseTargets } from './measures/index.ts';
import {
  COMPARISON_VERSION,
  noPricing,
  type ComparedSide,
  type Comparison,
  type Pricing,
  type Sides,
} from './model.ts';
import { notesOf, sameTokens } from './notes/index.ts';
import { tableOf } from './table.ts';

/** How two sides are to be compared. */
export interface CompareOptions {
  name: string;
  /** ISO 8601. */
  created_at: string;
  commands?: readonly string[];
  budget?: number | null;
  pricing?: Pricing;
  /** Held-out accuracies, shares of 1; left out: round ones that these runs reach. */
  targets?: readonly number[];
}

/** Works everything out that a comparison says; cheap enough for every change of a setting. */
export function compareSides(sides: Sides, options: CompareOptions): Comparison {
  const sorted: [ComparedSide, ComparedSide] = [bySeed(sides[0]), bySeed(sides[1])];
  const { name, created_at, commands = [], budget = null, pricing = noPricing } = options;
  const targets = [...(options.targets ?? chooseTargets(sorted))];
  const table = tableOf(sorted, targets, pricing);
  return {
    version: COMPARISON_VERSION,
    name,
    created_at,
    commands: [...commands],
    budget,
    pricing,
    targets,
    sides: sorted,
    table,
    notes: notesOf(sorted, budget, table),
    same_tokens: sameTokens(sorted),
  };
}

/** The same runs with another price or other targets. */
export function compareAgain(
  comparison: Comparison,
  changes: Partial<Pick<Comparison, 'pricing' | 'targets' | 'sides' | 'name'>>,
): Comparison {
  const { sides, ...options } = { ...comparison, ...changes };
  return compareSides(sides, options);
}

function bySeed(side: ComparedSide): ComparedSide {
  return { ...side, runs: side.runs.toSorted((a, b) => a.seed - b.seed) };
}
