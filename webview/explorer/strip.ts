import { html, nothing, svg, type TemplateResult } from 'lit-html';
import type { Strip, TreeRow } from '../../src/views/model/shapes.ts';
import { LEVELS } from '../../src/views/model/scale.ts';
import { levelClass } from './header.ts';

/** Height of a strip's drawing, in its own units. */
const HEIGHT = 16;

/**
 * A segment's tokens from first to last on the axis of the whole tree: a resample starts under the
 * place where it branched off. The height says the level; the colour repeats it. `signed` levels
 * stand above and hang below a middle line.
 */
export function stripDrawing(
  row: Pick<TreeRow, 'fork_at' | 'failure_point'>,
  strip: Strip | null,
  extent: number,
  stride: number,
  signed: boolean,
): TemplateResult {
  const cells = Math.ceil(extent / stride);
  const first = Math.floor(row.fork_at / stride);
  const failure = row.failure_point;
  return html`<span class="strip">
    <svg viewBox="0 0 ${cells} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      ${
        row.fork_at > 0
          ? svg`<path class="kept" d="M0 ${HEIGHT - 1}H${row.fork_at / stride}"></path>`
          : nothing
      }
      ${strip === null ? nothing : bars(strip, first, signed)}
    </svg>
    ${
      failure === null
        ? nothing
        : html`<span
            class="diamond"
            aria-hidden="true"
            .style=${`left: ${(100 * failure) / stride / cells}%`}
            >◆</span
          >`
    }
  </span>`;
}

/** One path a level keeps a strip of hundreds of cells at a dozen elements. */
function bars({ levels, positions }: Strip, first: number, signed: boolean): TemplateResult[] {
  const paths = new Map<number, string>();
  const middle = HEIGHT / 2;
  levels.forEach((level, i) => {
    if (positions[i] === undefined) return;
    const full = signed ? middle : HEIGHT;
    const height = Math.max(1, (full * Math.abs(level)) / LEVELS);
    const top = signed ? (level < 0 ? middle : middle - height) : HEIGHT - height;
    const bar = `M${first + i} ${top.toFixed(1)}h.84v${height.toFixed(1)}h-.84z`;
    paths.set(level, (paths.get(level) ?? '') + bar);
  });
  return [...paths].map(([level, path]) => svg`<path class=${levelClass(level)} d=${path}></path>`);
}

/** The position of the token a click at `share` (0…1) of the strip's width means. */
export function positionAt(
  row: TreeRow,
  strip: Strip | null,
  extent: number,
  stride: number,
  share: number,
): number {
  const cells = Math.ceil(extent / stride);
  const cell = Math.floor(share * cells) - Math.floor(row.fork_at / stride);
  const end = row.fork_at + row.length;
  // Left of the segment's own tokens lies its prefix, which is on the path too.
  if (cell < 0) return Math.floor(share * cells * stride);
  // Right of them, the mark of the failure point: half a token before the one never sampled.
  const last = row.failure_point === null ? Math.max(0, end - 1) : row.failure_point - 0.5;
  return strip?.positions[cell] ?? last;
}
