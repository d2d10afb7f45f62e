import { t } from '@vscode/l10n';
import type { StrategyParameters } from '../../strategy/index.ts';
import type { RecordedPrompts } from './recorded.ts';
import { histogram, whatIf, type WhatIf } from './what-if.ts';

/** One sentence for above the recipe. */
export function headline(found: WhatIf): string {
  const { replay, tokenShare, rolloutShare, medianFailure, savedShare } = found;
  if (replay.rollouts === 0) return t('nothing was recorded yet');
  if (replay.first_failures.length === 0 && replay.forks.length === 0) {
    return t('nothing would trigger');
  }
  const triggers =
    replay.triggered > 0
      ? t('{0} of tokens and {1} of rollouts trigger', percent(tokenShare), percent(rolloutShare))
      : t('{0} branches off finished rollouts', replay.forks.length);
  const parts = [triggers];
  if (medianFailure !== null) parts.push(t('first at token {0}', medianFailure));
  parts.push(t('{0} fewer tokens sampled', percent(savedShare)));
  return parts.join(', ');
}

const COLUMNS = 56;
const wrap = new RegExp(`(.{1,${COLUMNS}})(?: |$)`, 'gu');

/** The whole answer, as text that reads well in an editor. */
export function report(
  recipeName: string,
  recorded: RecordedPrompts,
  parameters: StrategyParameters,
): string {
  const now = whatIf(recorded, parameters);
  const then = whatIf(recorded, recorded.own);
  const { prompts, recorded: all, firstStep, lastStep, name } = recorded;
  const lines = [
    t('What would it do?'),
    '',
    t(
      'The strategy of “{0}”, applied to what the run “{1}” recorded in the steps {2} to {3} ({4} of {5} prompts, {6} rollouts, {7} tokens).',
      oneLine(recipeName),
      oneLine(name),
      firstStep,
      lastStep,
      prompts.length,
      all,
      now.replay.rollouts,
      now.replay.tokens,
    ),
    '',
    ...table(figures(now, then)),
    '',
    ...forkNote(parameters),
    ...where(now),
    t(
      'Triggers are exact: they follow from the recorded distributions. The sampled tokens are an estimate in which a branch goes on as the completion it leaves did; what a model learns from it is not in these figures.',
    ),
    '',
  ];
  return lines.map(wrapped).join('\n');
}

/** Sentences in lines that fit beside a recipe; lines of figures are short enough. */
function wrapped(line: string): string {
  return line.length <= COLUMNS ? line : line.replace(wrap, '$1\n').trimEnd();
}

function figures(now: WhatIf, then: WhatIf): string[][] {
  const both = (title: string, of: (found: WhatIf) => string) => [title, of(now), of(then)];
  return [
    ['', t('this recipe'), t('the run’s own')],
    both(t('tokens that trigger'), ({ tokenShare }) => percent(tokenShare)),
    both(t('rollouts that trigger'), ({ rolloutShare }) => percent(rolloutShare)),
    both(t('first trigger, median token'), ({ medianFailure }) =>
      medianFailure === null ? '–' : String(medianFailure),
    ),
    both(t('branches'), ({ replay }) => String(replay.forks.length)),
    both(t('tokens sampled'), ({ replay }) => String(replay.generated)),
    both(t('without shared prefixes'), ({ replay }) => String(replay.unshared)),
    both(t('saved'), ({ savedShare }) => percent(savedShare)),
  ];
}

/** The first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(width(column)) : cell.padStart(width(column)),
      )
      .join('   ')
      .trimEnd(),
  );
}

function forkNote({ use_token_adaptive, fork_policy }: StrategyParameters): string[] {
  if (!use_token_adaptive) {
    return [t('The strategy is off (use_token_adaptive: false).'), ''];
  }
  if (fork_policy === 'first_failure') return [];
  return [
    t(
      'With {0}, rollouts are not cut: the thresholds do not matter, and branches leave finished rollouts.',
      `fork_policy: ${fork_policy}`,
    ),
    '',
  ];
}

const BAR = 40;

function where({ replay }: WhatIf): string[] {
  const cuts = replay.first_failures.length > 0;
  const bins = histogram(cuts ? replay.first_failures : replay.forks, 16);
  if (bins.length === 0) return [];
  const most = Math.max(...bins.map(({ count }) => count));
  const width = String(bins.at(-1)?.to ?? 0).length;
  const title = cuts ? t('Where rollouts trigger first') : t('Where branches leave');
  const bars = bins.map(({ from, to, count }) => {
    const bar = '█'.repeat(Math.round((BAR * count) / most));
    return `${String(from).padStart(width)}–${String(to).padStart(width)}  ${bar} ${count}`;
  });
  return [title, '', ...bars, ''];
}

/** A name is whatever somebody called a file. */
const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');

function percent(value: number | null): string {
  if (value === null) return '–';
  const digits = value > 0 && value < 0.1 ? 1 : 0;
  return `${(100 * value).toFixed(digits)} %`;
}
