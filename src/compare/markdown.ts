import { t } from '@vscode/l10n';
import type { ComparedRun, Comparison } from './model.ts';
import { tableCells } from './words.ts';

/** A comparison as a page of Markdown: the table, what it says, and how it was made. */
export function markdownOf(comparison: Comparison): string {
  const { name, table, notes, sides } = comparison;
  const warnings = notes.filter(({ severity }) => severity === 'warning');
  const infos = notes.filter(({ severity }) => severity === 'info');
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`## ${title}`, lines.map((line) => `- ${line}`).join('\n')];
  const parts = [
    `# ${plain(name)}`,
    t(
      '{0} beside {1}; a difference is the former minus the latter.',
      plain(sides[1].name),
      plain(sides[0].name),
    ),
    ...section(
      t('Read this first'),
      warnings.map(({ sentence }) => plain(sentence)),
    ),
    `## ${t('What came out')}`,
    tableText(comparison),
    ...section(
      t('In words'),
      table.map(({ label, sentence }) => `**${plain(label)}.** ${plain(sentence)}`),
    ),
    ...section(
      t('What to keep in mind'),
      infos.map(({ sentence }) => plain(sentence)),
    ),
    ...section(
      t('What the rows are'),
      table.map(({ label, meaning }) => `**${plain(label)}.** ${plain(meaning)}`),
    ),
    `## ${t('How it was made')}`,
    made(comparison),
  ];
  return `${parts.join('\n\n')}\n`;
}

function tableText(comparison: Comparison): string {
  const head = [
    '',
    ...comparison.sides.map(({ name, runs }) =>
      runs.length === 1 ? t('{0} (one seed)', name) : t('{0} ({1} seeds)', name, runs.length),
    ),
    t('difference'),
    t('95 % interval'),
    t('more than noise?'),
  ];
  const rows = tableCells(comparison);
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
  const rule = '| --- | ---: | ---: | ---: | ---: | --- |';
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function made({ sides, commands, budget, created_at, pricing }: Comparison): string {
  const { per_hour, per_million_tokens, currency } = pricing;
  const facts = [
    t('Made {0}.', created_at),
    ...(budget === null
      ? []
      : [t('Budget of each run: {0} generated tokens.', budget.toLocaleString('en-US'))]),
    ...(per_hour === null ? [] : [t('Price of an hour: {0}.', `${currency}${per_hour}`)]),
    ...(per_million_tokens === null
      ? []
      : [t('Price of a million generated tokens: {0}.', `${currency}${per_million_tokens}`)]),
    ...sides.flatMap(({ name, runs }) => runs.map((run) => runText(name, run))),
  ];
  const list = facts.map((fact) => `- ${plain(fact)}`).join('\n');
  if (commands.length === 0) return list;
  // A fence longer than any run of backticks inside: a path may hold whatever it likes.
  const longest = Math.max(0, ...commands.flatMap((each) => each.match(/`+/g) ?? []).map(length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${list}\n\n${fence}sh\n${commands.join('\n')}\n${fence}`;
}

const length = ({ length: count }: string): number => count;

function runText(side: string, run: ComparedRun): string {
  const last = run.steps.at(-1);
  const tokens = last?.generated_tokens?.toLocaleString('en-US') ?? '?';
  return t(
    '{0}, seed {1}: {2} steps, {3} generated tokens, {4}; {5}.',
    side,
    run.seed,
    last?.step ?? 0,
    tokens,
    run.state,
    run.directory,
  );
}

/**
 * Names and paths are anybody's: nothing in them may become a table, a link or a heading. What
 * stands in backticks is shown as it is, but a bar would end the cell even there.
 */
function plain(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return line
    .split(/(`[^`]+`)/)
    .map((part, i) =>
      i % 2 === 1
        ? part.replaceAll('|', '\\|')
        : part.replaceAll(/[\\*_[\]<>|#~`]/g, (character) => `\\${character}`),
    )
    .join('');
}
