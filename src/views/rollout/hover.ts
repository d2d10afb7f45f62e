import { t } from '@vscode/l10n';
import { tokenDetail } from '../explorer/path.ts';
import type { Alternative, Branch, PathMark, TokenDetail } from '../explorer/protocol.ts';
import { short, signed } from '../explorer/scale.ts';
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
      markdown: sections(rollout, from, to),
      span: document.span(offsetOf(rollout, from), offsetOf(rollout, to)),
    };
  }
  if (offset < rollout.start) return null;
  // Behind the text: tokens that have none, as the end of a completion, and where it was cut.
  const last = view.ends.at(-1) ?? 0;
  let from = view.ends.length;
  while (from > 0 && (view.ends[from - 2] ?? 0) === last && view.ends[from - 1] === last) from -= 1;
  const markdown = sections(rollout, from, view.ends.length);
  const end = document.text.length;
  return markdown === '' ? null : { markdown, span: document.span(end, end) };
}

function sections(rollout: Rollout, from: number, to: number): string {
  const positions = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  const shown = positions.slice(-MOST_TOKENS);
  const more = positions.length - shown.length;
  const marks = rollout.view.marks.filter(
    ({ at }) => (at >= from && at < to) || (at === to && to === rollout.view.ends.length),
  );
  return [
    ...marks.map((mark) => markSection(rollout, mark)),
    more > 0 ? t('{0} more tokens are part of this character.', more) : '',
    ...shown.map((position) => tokenSection(rollout, position)),
  ]
    .filter((section) => section !== '')
    .join('\n\n---\n\n');
}

function tokenSection(rollout: Rollout, position: number): string {
  const index = rollout.parts.findIndex(({ from, to }) => position >= from && position < to);
  const part = rollout.parts[index];
  const tokens = rollout.tokens[index];
  if (part === undefined || tokens === undefined) return '';
  const label = rollout.view.parts[index]?.label ?? '';
  const { rules, vocabulary } = rollout;
  const detail = tokenDetail(part, tokens, label, position, rules, vocabulary);
  return [
    heading(rollout, detail),
    literal(detail.sentence),
    figures(detail),
    alternativesTable(rollout, detail.alternatives, position),
    literal(detail.alternatives_note),
    links(rollout, position),
  ]
    .filter((paragraph) => paragraph !== '')
    .join('\n\n');
}

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
  const cells: [string, string][] = [
    [t('entropy'), `${short(entropy, 3)} ${t('nats')}`],
    [t('max prob'), short(max_prob, 3)],
    [t('logprob'), `${short(logprob, 3)}${p}`],
    [t('rank'), rank],
    [t('advantage'), signed(advantage, 3)],
  ];
  if (ratio !== null) cells.push([t('importance ratio'), `× ${short(ratio, 3)}`]);
  if (ref_logprob !== null) cells.push([t('reference logprob'), short(ref_logprob, 3)]);
  return table(
    cells.map(([name]) => literal(name)),
    [cells.map(([, value]) => literal(value))],
  );
}

/** `position`: where a link forks with an alternative. */
function alternativesTable(
  rollout: Rollout,
  alternatives: readonly Alternative[],
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
  const head = [literal(t('alternative')), literal(t('p at T 1')), '&nbsp;', '&nbsp;'];
  return table(head, rows);
}

function markSection(rollout: Rollout, { at, failure, branches }: PathMark): string {
  const paragraphs =
    failure === null
      ? []
      : [
          `**◆ ${literal(t('Failure point'))}** &nbsp; ${literal(t('before token {0}', at))}`,
          literal(failure.sentence),
          alternativesTable(rollout, failure.alternatives, at),
        ];
  if (branches.length > 0) {
    const list = branches.map((branch) => branchLink(rollout, branch, at)).join(' · ');
    paragraphs.push(`${literal(t('Branches before token {0}:', at))} ${list}`);
  }
  if (at >= rollout.view.ends.length) paragraphs.push(links(rollout, at));
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n\n');
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
