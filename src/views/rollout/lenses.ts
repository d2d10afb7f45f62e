import { t } from '@vscode/l10n';
import { probeNotes } from '../model/probe.ts';
import type { ColourMode, PathPart, TreeRow } from '../model/shapes.ts';
import { scales, short, signed } from '../model/scale.ts';
import { commands } from '../ids.ts';
import { diffCall, explorerCall, siblingsCall, type Call } from './links.ts';
import { oneLine } from './markdown.ts';
import { offsetOf, type Rollout } from './rollout.ts';
import { meanAdvantage } from './symbols.ts';

/** A line above a line of the document: words, and what a click does, if anything. */
export interface Lens {
  line: number;
  title: string;
  call: Call | null;
}

/** @param notice a sentence that the reader has to know, null where there is none */
export function lensesOf(rollout: Rollout, colour: ColourMode, notice: string | null): Lens[] {
  const lenses: Lens[] = [];
  if (notice !== null) lenses.push({ line: 0, title: `⚠ ${notice}`, call: null });
  const { step, prompt_id } = rollout.key;
  lenses.push(
    {
      line: 0,
      title: t('{0} · step {1} · prompt {2}', oneLine(rollout.run.name), step, oneLine(prompt_id)),
      call: explorerCall(rollout, null),
    },
    {
      line: 0,
      title: t('coloured by {0}', scales[colour].label),
      call: { command: commands.colourTokens, arguments: [] },
    },
  );
  for (const part of rollout.view.parts) lenses.push(...segmentLenses(rollout, part));
  lenses.push(...endLenses(rollout));
  return lenses;
}

function segmentLenses(rollout: Rollout, part: PathPart): Lens[] {
  const { line } = rollout.document.placeAt(offsetOf(rollout, part.from));
  const row = rollout.rows.find(({ segment_id }) => segment_id === part.segment_id);
  const lens = (title: string, call: Call | null): Lens => ({ line, title, call });
  const lenses = [lens(factsOf(rollout, part, row), explorerCall(rollout, part.from))];
  const origin = row?.origin;
  if (origin !== undefined) lenses.push(lens(oneLine(probeNotes(origin).join(' ')), null));
  const siblings = siblingsOf(rollout, row);
  if (siblings.length > 0) {
    const title = siblings.length === 1 ? t('1 sibling') : t('{0} siblings', siblings.length);
    lenses.push(lens(title, siblingsCall(rollout, part.from)));
    const other = mostTelling(siblings, row);
    if (other !== undefined) {
      lenses.push(
        lens(
          t('diff with {0}{1}', other.label, verdict(other)),
          diffCall(rollout, other.segment_id),
        ),
      );
    }
  }
  return lenses;
}

function factsOf(rollout: Rollout, part: PathPart, row: TreeRow | undefined): string {
  const facts = [
    part.label,
    t('T {0}', short(part.temperature)),
    t('{0} tokens', part.to - part.from),
  ];
  if (row?.reward !== null && row?.reward !== undefined) {
    facts.push(t('reward {0}{1}', short(row.reward), verdict(row)));
  } else if (row?.value !== null && row?.value !== undefined) {
    facts.push(t('value {0}', short(row.value)));
  }
  const advantage = meanAdvantage(rollout, part.from, part.to);
  if (advantage !== null) facts.push(t('advantage {0}', signed(advantage)));
  return facts.join(' · ');
}

/** What became of the path's end: why it was cut, and what grew from it since. */
function endLenses(rollout: Rollout): Lens[] {
  const { view, document, address } = rollout;
  const line = document.lines - 1;
  const cut = view.marks.find(({ at, failure }) => failure !== null && at >= view.ends.length);
  const lenses: Lens[] = [];
  if (cut?.failure) lenses.push({ line, title: `◆ ${cut.failure.sentence}`, call: null });
  const grown = rollout.rows.filter(({ parent_id }) => parent_id === address.segment_id);
  const probes = grown.filter(({ kind }) => kind === 'probe').length;
  if (grown.length > 0) {
    const title =
      probes === 0
        ? t('{0} segments grew from this one', grown.length)
        : t('{0} segments grew from this one, {1} of them probes', grown.length, probes);
    const position = Math.min(...grown.map(({ fork_at }) => fork_at));
    lenses.push({ line, title, call: siblingsCall(rollout, position) });
  }
  return lenses;
}

const siblingsOf = ({ rows }: Rollout, row: TreeRow | undefined): TreeRow[] =>
  row === undefined
    ? []
    : rows.filter(
        (other) => other.parent_id === row.parent_id && other.segment_id !== row.segment_id,
      );

/** The sibling one wants beside this one: one that came out otherwise, else the next. */
function mostTelling(siblings: readonly TreeRow[], row: TreeRow | undefined): TreeRow | undefined {
  return (
    siblings.find(({ right }) => right !== null && right !== row?.right) ??
    siblings.find(({ right }) => right !== null) ??
    siblings[0]
  );
}

const verdict = ({ right }: TreeRow): string => (right === null ? '' : right ? ' ✓' : ' ✗');
