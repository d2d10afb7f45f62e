import { t } from '@vscode/l10n';
import { count } from '../amounts.ts';
import type { ComparedSide, Note, Sides } from '../model.ts';
import { mean } from '../statistics.ts';
import { warning } from './note.ts';

/** How much wider the gaps of one side may be. */
const TOLERANCE = 1.2;

/**
 * Between two evaluations a curve that flattens lies above the straight line, so the side that was
 * evaluated less often per token seems to reach a target later than it did.
 */
export function spacing(sides: Sides): Note[] {
  const [first, second] = [gapOf(sides[0]), gapOf(sides[1])];
  // Not known of a side: NaN, of which nothing is said.
  if (!(Math.max(first, second) > TOLERANCE * Math.min(first, second))) return [];
  return [
    warning(
      'different_spacing',
      t(
        '{0} was evaluated every {1} tokens, {2} every {3}. The tokens to a target are read off the straight line between two evaluations, so the side with the wider gaps looks slower than it is: choose `eval_steps` for about the same gaps.',
        sides[0].name,
        count(first),
        sides[1].name,
        count(second),
      ),
    ),
  ];
}

/** Generated tokens from one evaluation to the next, mean of all runs; NaN where that isn't known. */
function gapOf({ runs }: ComparedSide): number {
  return mean(
    runs.flatMap(({ evaluations }) => {
      const tokens = evaluations.flatMap(({ generated_tokens }) => generated_tokens ?? []);
      const [begin, end] = [tokens.at(0), tokens.at(-1)];
      if (begin === undefined || end === undefined || end <= begin) return [];
      return [(end - begin) / (tokens.length - 1)];
    }),
  );
}
