import { html, svg, type TemplateResult } from 'lit-html';

/**
 * How a side is marked wherever it is named: a solid line with a dot, a dashed one with a diamond.
 * The colour only repeats it.
 */
export function swatch(side: number): TemplateResult {
  return html`<svg class="swatch side-${side}" viewBox="0 0 24 10" aria-hidden="true">
    ${
      side === 0
        ? svg`<path d="M1 5H23"></path><circle cx="12" cy="5" r="3.5"></circle>`
        : svg`<path d="M1 5H6M18 5H23"></path><path class="filled" d="M12 .5 16.5 5 12 9.5 7.5 5z"></path>`
    }
  </svg>`;
}
