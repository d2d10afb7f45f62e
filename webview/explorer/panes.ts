import { t } from '@vscode/l10n';
import type { Explorer } from './explorer.ts';
import type { PaneName } from './state.ts';

/** Below this width the path lies under the rollouts instead of beside them. */
const NARROW = 760;
const LEAST = 12;
const MOST = 70;

/** Arranges the three panes side by side, with sashes that mouse and keyboard move. */
export class Panes {
  readonly element = document.createElement('div');
  readonly #explorer: Explorer;
  readonly #panes: Record<PaneName, HTMLElement>;
  readonly #left: HTMLElement;
  readonly #right: HTMLElement;
  #narrow = false;

  constructor(explorer: Explorer, panes: Record<PaneName, HTMLElement>) {
    this.#explorer = explorer;
    this.#panes = panes;
    this.element.className = 'panes';
    this.#left = this.#sash('prompts', t('Width of the prompts'));
    this.#right = this.#sash('path', t('Size of the path'));
    this.element.append(panes.prompts, this.#left, panes.rollouts, this.#right, panes.path);
    explorer.onChange((changes) => {
      if (changes.has('layout')) this.arrange();
    });
    new ResizeObserver(() => {
      const narrow = this.element.clientWidth < NARROW;
      if (narrow === this.#narrow) return;
      this.#narrow = narrow;
      this.arrange();
    }).observe(this.element);
  }

  arrange(): void {
    const { panes, widths } = this.#explorer.state;
    for (const name of ['prompts', 'rollouts', 'path'] as const) {
      this.#panes[name].hidden = !panes[name];
    }
    const others = panes.rollouts || panes.path;
    this.#left.hidden = !panes.prompts || !others;
    this.#right.hidden = !panes.rollouts || !panes.path;
    this.element.classList.toggle('narrow', this.#narrow);
    const { style } = this.element;
    style.setProperty('--prompts', panes.prompts ? (others ? `${widths.prompts}%` : '1fr') : '0');
    style.setProperty('--path', panes.path ? (panes.rollouts ? `${widths.path}%` : '1fr') : '0');
    style.setProperty('--rollouts', panes.rollouts ? 'minmax(0, 1fr)' : '0');
    this.#left.setAttribute('aria-valuenow', String(Math.round(widths.prompts)));
    this.#right.setAttribute('aria-valuenow', String(Math.round(widths.path)));
    this.#right.setAttribute('aria-orientation', this.#narrow ? 'horizontal' : 'vertical');
  }

  #sash(pane: 'prompts' | 'path', label: string): HTMLElement {
    const sash = document.createElement('div');
    sash.className = `sash sash-${pane}`;
    sash.tabIndex = 0;
    sash.setAttribute('role', 'separator');
    sash.setAttribute('aria-label', label);
    sash.setAttribute('aria-orientation', 'vertical');
    sash.setAttribute('aria-valuemin', String(LEAST));
    sash.setAttribute('aria-valuemax', String(MOST));
    sash.addEventListener('pointerdown', (event) => {
      sash.setPointerCapture(event.pointerId);
      sash.classList.add('dragged');
      event.preventDefault();
    });
    sash.addEventListener('pointermove', (event) => {
      if (sash.hasPointerCapture(event.pointerId)) this.#drag(pane, event);
    });
    sash.addEventListener('lostpointercapture', () => sash.classList.remove('dragged'));
    sash.addEventListener('keydown', (event) => {
      const steps: Record<string, number> = {
        ArrowLeft: -2,
        ArrowUp: -2,
        ArrowRight: 2,
        ArrowDown: 2,
      };
      const step = steps[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.#resize(pane, this.#explorer.state.widths[pane] + (pane === 'prompts' ? step : -step));
    });
    return sash;
  }

  #drag(pane: 'prompts' | 'path', { clientX, clientY }: PointerEvent): void {
    const box = this.element.getBoundingClientRect();
    const share =
      pane === 'prompts'
        ? (clientX - box.left) / box.width
        : this.#narrow
          ? (box.bottom - clientY) / box.height
          : (box.right - clientX) / box.width;
    this.#resize(pane, 100 * share);
  }

  #resize(pane: 'prompts' | 'path', percent: number): void {
    this.#explorer.state.widths[pane] = Math.max(LEAST, Math.min(MOST, percent));
    this.arrange();
    this.#explorer.save();
  }
}
