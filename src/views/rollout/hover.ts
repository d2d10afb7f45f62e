import { t } from '@vscode/l10n';
import { tokenDetail } from '../model/path.ts';
import type { Alternative, Branch, PathMark, TokenDetail } from '../model/shapes.ts';
import { short, signed } from '../model/scale.ts';
import type { Span } from './document-text.ts';
import { explorerCall, forkCall, openCall, siblingsCall, type Call } from './links.ts';
import { bar, commandLink, literal, visible } from './markdown.ts';
import { groupOf, offsetOf, tokenAt, type Rollout } from './rollout.ts';

/** Tokens of one character that are described one by one; a hostile text may have thousands. */
const MOST_TOKENS = 4;

export interface HoverText {
  /** Markdown. Whatever a model or a run wrote in it is literal; see `markdown.ts`. */
  markdown: string;
  span: Span;
}

/** All about the token at an offset of the document; null over the prompt. */
export function hoverAt(rollout: Rollout, offset: number): HoverText | null {
  const { view, document } = rollout;
  const token = tokenAt(rollout, offset);
  if (token !== null) {
    const { from, to } = groupOf(rollout, token);
    return {
      markdown: paragraphs(...sections(rollout, from, to)),
      span: document.span(offsetOf(rollout, from), offsetOf(rollout, to)),
    };
  }
  if (offset < rollout.start) return null;
  // Behind the text: tokens that have none, as the end of a completion, and where it was cut.
  const last = view.ends.at(-1) ?? 0;
  let from = view.ends.length;
  while (from > 0 && (view.ends[from - 2] ?? 0) === last && view.ends[from - 1] === last) from -= 1;
  const behind = [...sections(rollout, from, view.ends.length), endSection(rollout)];
  const markdown = paragraphs(...behind);
  const end = document.text.length;
  return markdown === '' ? null : { markdown, span: document.span(end, end) };
}

/** About the tokens `[from, to)`, each. */
function sections(rollout: Rollout, from: number, to: number): string[] {
  const shown = Array.from({ length: to - from }, (_, i) => from + i).slice(-MOST_TOKENS);
  const more = to - from - shown.length;
  return [
    more > 0 ? literal(t('{0} more tokens are part of this character.', more)) : '',
    ...shown.map((position) => tokenSection(rollout, position)),
  ];
}

function tokenSection(rollout: Rollout, position: number): string {
  const index = rollout.parts.findIndex(({ from, to }) => position >= from && position < to);
  const part = rollout.parts[index];
  const tokens = rollout.tokens[index];
  if (part === undefined || tokens === undefined) return '';
  const label = rollout.view.parts[index]?.label ?? '';
  const { rules, vocabulary, view } = rollout;
  const detail = tokenDetail(part, tokens, label, position, rules, vocabulary);
  const mark = view.marks.find(({ at }) => at === position);
  // The policy's choice was the same for the token that was cut off and for the one drawn anew.
  const alternatives =
    detail.alternatives.length > 0 ? detail.alternatives : (mark?.failure?.alternatives ?? []);
  return paragraphs(
    lines(
      heading(rollout, detail),
      figures(detail),
      // Of the unsure decision drawn again, only the first drawing is worth a word.
      beside(
        mark?.failure ? `◆ ${literal(mark.failure.sentence)}` : literal(detail.sentence),
        mark === undefined ? '' : branchList(rollout, mark),
      ),
    ),
    // Before the table: VS Code cuts a hover off below.
    links(rollout, position),
    alternatives.length > 0
      ? alternativesTable(rollout, alternatives, detail.alternatives_note, position)
      : literal(detail.alternatives_note),
  );
}

/** Behind the last token: why nothing follows, and what was sampled on from there. */
function endSection(rollout: Rollout): string {
  const position = rollout.view.ends.length;
  const mark = rollout.view.marks.find(({ at }) => at === position);
  if (mark === undefined) return '';
  const { failure } = mark;
  return paragraphs(
    failure === null
      ? branchList(rollout, mark)
      : lines(
          `**◆ ${literal(t('Failure point'))}** &nbsp; ${literal(t('before token {0}', position))}`,
          failureFigures(failure),
          beside(literal(failure.sentence), branchList(rollout, mark)),
        ),
    links(rollout, position),
    alternativesTable(rollout, failure?.alternatives ?? [], '', position),
  );
}

const beside = (...each: readonly string[]): string =>
  each.filter((text) => text !== '').join(' &nbsp; ');

/** In one paragraph, so that a hover stays small. */
const lines = (...each: readonly string[]): string =>
  each.filter((line) => line !== '').join('  \n');

const paragraphs = (...each: readonly string[]): string =>
  each.filter((paragraph) => paragraph !== '').join('\n\n');

function heading(rollout: Rollout, detail: TokenDetail): string {
  const { position, token_id, label, temperature } = detail;
  const where = t(
    'token {0} of {1} · id {2} · {3} · T {4}',
    position,
    rollout.view.ends.length,
    token_id,
    label,
    short(temperature),
  );
  return `**${tokenName(detail)}** &nbsp; ${literal(where)}`;
}

/** Tokens without text of their own are an end of text, or a part of a character. */
function tokenName({ text, name }: TokenDetail): string {
  if (text !== '') return literal(visible(text));
  return name === null ? literal(t('∅ (no text of its own)')) : `∅ ${literal(visible(name))}`;
}

function figures(detail: TokenDetail): string {
  const { entropy, max_prob, logprob, rank, advantage, ratio, ref_logprob } = detail;
  const p = logprob === null ? '' : ` (p ${short(Math.exp(logprob), 3)})`;
  return [
    figure(t('entropy'), short(entropy, 3), ` ${t('nats')}`),
    figure(t('max prob'), short(max_prob, 3)),
    figure(t('logprob'), short(logprob, 3), p),
    figure(t('rank'), rank),
    figure(t('advantage'), signed(advantage, 3)),
    ratio === null ? '' : figure(t('importance ratio'), `× ${short(ratio, 3)}`),
    ref_logprob === null ? '' : figure(t('reference logprob'), short(ref_logprob, 3)),
  ]
    .filter((each) => each !== '')
    .join(' · ');
}

function failureFigures({ entropy, max_prob }: NonNullable<PathMark['failure']>): string {
  return [
    figure(t('entropy'), short(entropy, 3), ` ${t('nats')}`),
    figure(t('max prob'), short(max_prob, 3)),
  ].join(' · ');
}

const figure = (name: string, value: string, unit = ''): string =>
  `${literal(name)} **${literal(value)}**${literal(unit)}`;

/** @param position where a link forks with an alternative */
function alternativesTable(
  rollout: Rollout,
  alternatives: readonly Alternative[],
  note: string,
  position: number,
): string {
  if (alternatives.length === 0) return '';
  const rows = alternatives.map(({ token_id, text, probability, sampled }) => [
    text === null ? literal(`#${token_id}`) : literal(visible(text)),
    short(probability, 3),
    bar(probability ?? 0),
    sampled
      ? literal(t('◂ sampled'))
      : link(t('fork with it'), forkCall(rollout, position, token_id)),
  ]);
  const head = [t('alternative'), t('p at T 1'), note, ''].map(literal);
  return table(head, rows);
}

function branchList(rollout: Rollout, { at, branches }: PathMark): string {
  if (branches.length === 0) return '';
  const list = branches.map((branch) => branchLink(rollout, branch, at)).join(' · ');
  return `${literal(t('Branches here:'))} ${list}`;
}

const glyphs: Record<string, string> = { right: '✓', wrong: '✗', cut: '◆' };

function branchLink(rollout: Rollout, branch: Branch, at: number): string {
  const { segment_id, label, outcome, reward, taken } = branch;
  const score = reward === null ? '' : ` ${short(reward)}`;
  const text = `${glyphs[outcome] ?? '○'} ${label}${score}`;
  return taken ? `**${literal(text)}**` : link(text, openCall(rollout, segment_id, at));
}

function links(rollout: Rollout, position: number): string {
  const inside = position < rollout.view.ends.length ? position : null;
  return [
    link(t('Fork from here'), forkCall(rollout, position)),
    link(t('Show in explorer'), explorerCall(rollout, inside)),
    link(t('Same position in siblings'), siblingsCall(rollout, position)),
  ].join(' · ');
}

const link = (label: string, call: Call): string =>
  commandLink(literal(label), call.command, ...call.arguments);

/** Cells are Markdown. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
