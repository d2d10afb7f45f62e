import { t } from '@vscode/l10n';
import { short, signed } from '../model/scale.ts';
import type { Span } from './document-text.ts';
import { oneLine } from './markdown.ts';
import { offsetOf, type Rollout } from './rollout.ts';

/** What outline and breadcrumbs show: the prompt, the segments, and the steps of each. */
export interface RolloutSymbol {
  kind: 'prompt' | 'segment' | 'step';
  name: string;
  detail: string;
  span: Span;
  children: RolloutSymbol[];
}

/** Longest first line of a step that is shown. */
const LONGEST = 70;

export function symbolsOf(rollout: Rollout): RolloutSymbol[] {
  const { document, start, view, prompt } = rollout;
  const symbols: RolloutSymbol[] = [];
  if (prompt !== '') {
    symbols.push({
      kind: 'prompt',
      name: t('prompt'),
      detail: titleOf(prompt),
      span: document.span(0, start - 1),
      children: [],
    });
  }
  view.parts.forEach((part, i) => {
    const last = i === view.parts.length - 1;
    const from = offsetOf(rollout, part.from);
    // The last token may leave text behind it: an unfinished character.
    const to = last ? document.text.length : offsetOf(rollout, part.to);
    symbols.push({
      kind: 'segment',
      name: part.label,
      detail: segmentDetail(rollout, part.segment_id, part.from, part.to),
      span: document.span(from, to),
      children: stepsIn(rollout, from, to),
    });
  });
  return symbols;
}

function segmentDetail(rollout: Rollout, segment_id: number, from: number, to: number): string {
  const row = rollout.rows.find((each) => each.segment_id === segment_id);
  const facts = [t('T {0}', short(row?.temperature))];
  if (row?.reward !== null && row?.reward !== undefined) {
    facts.push(t('reward {0}', short(row.reward)));
  }
  if (to > from) facts.push(t('advantage {0}', signed(meanAdvantage(rollout, from, to))));
  return facts.join(' · ');
}

/** NaN values (not measured) are left out; null where nothing is left. */
export function meanAdvantage({ view }: Rollout, from: number, to: number): number | null {
  const measured = view.advantage.subarray(from, to).filter((value) => !Number.isNaN(value));
  if (measured.length === 0) return null;
  return measured.reduce((sum, value) => sum + value, 0) / measured.length;
}

/** The lines of a segment that hold anything: models write a step of their reasoning on each. */
function stepsIn(rollout: Rollout, from: number, to: number): RolloutSymbol[] {
  const { document } = rollout;
  const steps: RolloutSymbol[] = [];
  const first = document.placeAt(from).line;
  const end = document.placeAt(to);
  for (let line = first; line <= end.line; line++) {
    const begin = Math.max(from, document.offsetAt({ line, character: 0 }));
    const stop = Math.min(to, document.offsetAt({ line, character: Infinity }));
    const text = document.text.slice(begin, stop);
    if (text.trim() === '') continue;
    steps.push({
      kind: 'step',
      name: titleOf(text),
      detail: '',
      span: document.span(begin, stop),
      children: [],
    });
  }
  return steps;
}

/** A text's first line that says something, safe to show in a list. */
function titleOf(text: string): string {
  const line = text.split(/[\r\n]/).find((each) => each.trim() !== '') ?? '';
  const trimmed = line.trim();
  const shown = trimmed.length > LONGEST ? `${trimmed.slice(0, LONGEST)}…` : trimmed;
  return oneLine(shown);
}
