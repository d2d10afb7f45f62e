import { t } from '@vscode/l10n';
import type { Note, Sides } from '../model.ts';
import { info, seedsOf, warning } from './note.ts';

/** How much the seeds of both sides can tell. */
export function seeds(sides: Sides): Note[] {
  const [first, second] = sides;
  if (first.runs.length === 0 || second.runs.length === 0) return [];
  const found: Note[] = [];
  const ids = new Set(first.runs.map(({ run_id }) => run_id));
  const twice = sides.find((side) => new Set(seedsOf(side)).size < side.runs.length);
  if (second.runs.some(({ run_id }) => ids.has(run_id))) {
    found.push(warning('same_run', t('The same run is on both sides: of course they agree.')));
  }
  if (twice !== undefined) {
    found.push(
      warning(
        'seed_twice',
        t(
          '{0} has the same seed more than once. Such runs are no independent tries, so the intervals are too narrow.',
          twice.name,
        ),
      ),
    );
  }
  const least = Math.min(first.runs.length, second.runs.length);
  if (least === 1) {
    found.push(
      warning(
        'one_seed',
        t(
          'One side has a single seed, so no difference can be told from noise. Run at least 2 seeds on both, better 5.',
        ),
      ),
    );
  } else if (least < 5) {
    found.push(
      info(
        'few_seeds',
        t(
          'With {0} seeds only large differences can be told from noise; 5 or more see further.',
          least,
        ),
      ),
    );
  }
  const shared = seedsOf(first).filter((seed) => seedsOf(second).includes(seed)).length;
  if (least > 1 && shared < least) {
    found.push(
      info(
        'different_seeds',
        t(
          'The sides have different seeds, so they are compared as two independent samples; the same seeds on both would see smaller differences.',
        ),
      ),
    );
  }
  return found;
}
