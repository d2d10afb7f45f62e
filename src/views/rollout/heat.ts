import type { ColourMode } from '../model/shapes.ts';
import { levelOf, scales } from '../model/scale.ts';
import type { Place, Span } from './document-text.ts';
import { lastAtMost } from './document-text.ts';
import { offsetOf, type Rollout } from './rollout.ts';

/** What to colour alike. */
export interface Heat {
  spans: Span[];
  /** Ends of lines whose line break is (part of) a token of this level: there is nothing to tint. */
  breaks: Place[];
}

/** −7…7 for a group of tokens: that of the token that stands out most. */
function levelIn({ view }: Rollout, measure: ColourMode, from: number, to: number): number {
  let level = 0;
  for (let i = from; i < to; i++) {
    const own = levelOf(measure, view[measure][i] ?? NaN);
    if (Math.abs(own) > Math.abs(level)) level = own;
  }
  return level;
}

/** Where tokens that touch `[from, to)` of the document have which level; level 0 is left out. */
export function heatOf(
  rollout: Rollout,
  measure: ColourMode,
  from: number,
  to: number,
): Map<number, Heat> {
  const { document, groups, view, start } = rollout;
  const found = new Map<number, Heat>();
  if (groups.length === 0) return found;
  // The first group that may reach into the window: the one of the last token that ends before it.
  const before = lastAtMost(view.ends, from - start);
  for (let g = lastAtMost(groups, before); g < groups.length; g++) {
    const first = groups[g] ?? 0;
    const end = groups[g + 1] ?? view.ends.length;
    const begin = offsetOf(rollout, first);
    if (begin >= to) break;
    const stop = offsetOf(rollout, end);
    if (stop <= from || stop === begin) continue;
    const level = levelIn(rollout, measure, first, end);
    if (level === 0) continue;
    const heat = found.get(level) ?? { spans: [], breaks: [] };
    found.set(level, heat);
    const span = document.span(begin, stop);
    heat.spans.push(span);
    for (let { line } = span.start; line < span.end.line; line++) {
      heat.breaks.push(document.placeAt(document.offsetAt({ line, character: Infinity })));
    }
  }
  return found;
}

/** Levels from here on are worth a mark beside the scroll bar. */
const STANDS_OUT = 6;

/** Characters that share one mark beside the scroll bar: about a line of a narrow editor. */
const RULED = 100;

/**
 * What stands out in the whole document, a place about every line, for the overview ruler. Not of
 * advantages, which whole segments share.
 */
export function ruledPlaces(rollout: Rollout, measure: ColourMode): Place[] {
  const { document, view } = rollout;
  const places: Place[] = [];
  if (scales[measure].direction === 'signed') return places;
  let last = -Infinity;
  for (let i = 0; i < view.ends.length; i++) {
    if (Math.abs(levelOf(measure, view[measure][i] ?? NaN)) < STANDS_OUT) continue;
    const offset = offsetOf(rollout, i);
    const place = document.placeAt(offset);
    if (place.line === places.at(-1)?.line && offset - last < RULED) continue;
    last = offset;
    places.push(place);
  }
  return places;
}
