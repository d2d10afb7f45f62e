import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import type {
  Alternative,
  Branch,
  PathMark,
  PathView,
  TokenDetail,
} from '../../src/views/model/shapes.ts';
import { short, signed } from '../../src/views/model/scale.ts';
import { quoted } from '../../src/views/model/text.ts';
import { iconButton } from '../shared/controls.ts';
import type { Explorer } from './explorer.ts';
import { spoken } from './pane.ts';

/** Details kept at hand: going back and forth asks once. */
const KEPT = 500;

/** All about one token or mark: under the cursor, or under the mouse while it rests on one. */
export class DetailArea {
  readonly element = document.createElement('div');
  readonly #explorer: Explorer;
  readonly #details = new Map<number, TokenDetail | 'asked'>();
  #view: PathView | null = null;
  #stop: number | null = null;
  #preview: number | null = null;

  readonly #fork = (token_id: number): void => this.#explorer.requests.fork(token_id);

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
    this.element.className = 'detail';
    this.element.setAttribute('role', 'region');
    this.element.setAttribute('aria-label', t('Token'));
  }

  show(view: PathView | null): void {
    this.#view = view;
    this.#details.clear();
    this.#preview = null;
    this.#draw();
  }

  setStop(stop: number | null): void {
    this.#stop = stop;
    this.#preview = null;
    this.#draw();
  }

  preview(stop: number | null): void {
    if (stop === this.#preview) return;
    this.#preview = stop;
    this.#draw();
  }

  #draw(): void {
    const view = this.#view;
    const stop = this.#preview ?? this.#stop;
    if (view === null) {
      render(nothing, this.element);
      return;
    }
    this.element.classList.toggle('preview', this.#preview !== null);
    if (stop === null) {
      render(
        html`<p class="hint">${t('Point at a token, or walk with the arrow keys.')}</p>`,
        this.element,
      );
      return;
    }
    if (!Number.isInteger(stop)) {
      const mark = view.marks.find(({ at }) => at - 0.5 === stop);
      render(mark === undefined ? nothing : this.#mark(mark), this.element);
      return;
    }
    render(this.#token(view, stop), this.element);
    void this.#fetch(stop);
  }

  async #fetch(position: number): Promise<void> {
    const { selected, segment_id } = this.#explorer.state;
    const view = this.#view;
    if (this.#details.has(position) || selected === null) return;
    // Another path is on its way: its own details are asked for when it is shown.
    if (segment_id === null || segment_id !== view?.segment_id) return;
    if (this.#details.size >= KEPT) this.#details.clear();
    this.#details.set(position, 'asked');
    try {
      const asked = { ...selected, segment_id, position };
      const detail = await this.#explorer.channel.request('token', asked);
      if (view !== this.#view) return;
      this.#details.set(position, detail);
      if ((this.#preview ?? this.#stop) === position) this.#draw();
    } catch (error) {
      this.#details.delete(position);
      this.#explorer.say(error instanceof Error ? error.message : String(error));
    }
  }

  /** What the path itself knows stands there at once; the rest follows. */
  #token(view: PathView, position: number): TemplateResult {
    const found = this.#details.get(position);
    const detail = found === undefined || found === 'asked' ? null : found;
    const from = position === 0 ? 0 : (view.ends[position - 1] ?? 0);
    const text = detail?.text ?? view.text.slice(from, view.ends[position] ?? from);
    const part = view.parts.find((one) => position >= one.from && position < one.to);
    const logprob = view.logprob[position] ?? NaN;
    return html`
      <div class="detail-head">
        <bdi class="quoted">${text === '' ? textless(detail) : quoted(text)}</bdi>
        <span class="dim"
          >${t('token {0}', position)}${detail === null ? '' : ` · ${t('id {0}', detail.token_id)}`}
          · ${part?.label ?? ''}</span
        >
        ${this.#links()}
      </div>
      <p class="why" aria-live="polite">${detail?.sentence ?? '…'}</p>
      <div class="detail-body">
        <dl class="facts">
          ${fact(t('max prob'), short(view.max_prob[position], 3))}
          ${fact(t('entropy'), t('{0} nats', short(view.entropy[position], 3)))}
          ${fact(t('logprob'), `${short(logprob, 3)} (p ${short(Math.exp(logprob), 3)})`)}
          ${fact(t('rank'), detail?.rank ?? '…')}
          ${fact(
            t('temperature'),
            t('{0} · attempt {1}', short(part?.temperature), part?.attempt ?? '–'),
          )}
          ${fact(t('advantage'), signed(view.advantage[position], 3))}
          ${optional(
            t('ratio'),
            detail?.ratio,
            '×',
            t('Probability under the trained policy over that under the one that sampled it'),
          )}
          ${optional(
            t('reference'),
            detail?.ref_logprob,
            t('logprob'),
            t('Log probability under the reference policy'),
          )}
        </dl>
        ${
          detail === null
            ? nothing
            : alternatives(detail.alternatives, detail.alternatives_note, this.#fork)
        }
      </div>
    `;
  }

  #mark({ at, failure, branches }: PathMark): TemplateResult {
    const title = failure === null ? t('Fork') : `◆ ${t('Failure point')}`;
    return html`
      <div class="detail-head">
        <span class="quoted">${title}</span><span class="dim">${t('before token {0}', at)}</span>
        ${this.#links()}
      </div>
      <p class="why" aria-live="polite">
        ${
          failure?.sentence ??
          t('Branches leave the path here: the completion was sampled again from this place.')
        }
      </p>
      <div class="detail-body">
        ${
          failure === null
            ? nothing
            : html`<dl class="facts">
                ${fact(t('max prob'), short(failure.max_prob, 3))}
                ${fact(t('entropy'), t('{0} nats', short(failure.entropy, 3)))}
              </dl>`
        }
        ${failure === null ? nothing : alternatives(failure.alternatives, '', this.#fork)}
        ${
          branches.length === 0
            ? nothing
            : html`<ul class="branches" aria-label=${t('Branches')}>
                ${branches.map((branch) => html`<li>${this.#branch(branch, at)}</li>`)}
              </ul>`
        }
      </div>
    `;
  }

  /** What one may do at the cursor; what only lies under the mouse is not chosen yet. */
  #links(): TemplateResult | typeof nothing {
    if (this.#preview !== null) return nothing;
    return html`<span class="detail-links">
      <button type="button" class="link" @click=${() => this.#explorer.requests.fork()}>
        ${t('Fork from here')}
      </button>
      <button
        type="button"
        class="link"
        title=${t('Same position in siblings (s)')}
        @click=${() => this.#explorer.requests.siblings()}
      >
        ${t('Siblings')}
      </button>
    </span>`;
  }

  #branch({ segment_id, label, outcome, reward, taken }: Branch, at: number): TemplateResult {
    const { glyph, word } = outcomes[outcome];
    return html`<button
      type="button"
      class="branch ${outcome}"
      aria-current=${taken}
      @click=${() => this.#explorer.chooseSegment(segment_id, at - 0.5)}
    >
      <span class="glyph">${glyph}</span>${label}
      <span class="dim">${word}${reward === null ? '' : ` ${short(reward)}`}</span>
      ${taken ? html`<span class="dim">${t('(this path)')}</span>` : nothing}
    </button>`;
  }
}

/** How a branch ended. */
const outcomes: Record<Branch['outcome'], { glyph: string; word: string }> = {
  right: { glyph: '✓', word: t('right') },
  wrong: { glyph: '✗', word: t('wrong') },
  cut: { glyph: '◆', word: t('cut') },
  length: { glyph: '⋯', word: t('length') },
  complete: { glyph: '○', word: t('ended') },
};

/** What an alternative is called; its id where nobody knows how it reads. */
const nameOf = (text: string | null, token_id: number): string =>
  text === null ? `#${token_id}` : quoted(text);

/** An end-of-text token, or a part of a character. */
function textless(detail: TokenDetail | null): string {
  return (detail?.name ?? null) === null
    ? t('∅ (no text of its own)')
    : `∅ ${quoted(detail?.name ?? '')}`;
}

function fact(name: string, value: string, meaning = ''): TemplateResult {
  return html`<dt title=${meaning}>${name}</dt>
    <dd>${value}</dd>`;
}

function optional(
  name: string,
  value: number | null | undefined,
  unit: string,
  meaning: string,
): TemplateResult | typeof nothing {
  return typeof value === 'number' ? fact(name, `${short(value, 3)} ${unit}`, meaning) : nothing;
}

/** `fork`: samples on with one of them. */
function alternatives(
  list: readonly Alternative[],
  note: string,
  fork: (token_id: number) => void,
): TemplateResult {
  return html`<div class="alternatives ${list.length === 0 ? 'none' : ''}">
    ${
      list.length === 0
        ? nothing
        : html`<table>
            <caption>
              ${t('Alternatives at T 1')}
            </caption>
            <tbody>
              ${list.map(
                ({ token_id, text, probability, sampled }) =>
                  html`<tr class=${sampled ? 'sampled' : ''}>
                    <td class="alt-text" title=${t('id {0}', token_id)}>
                      <bdi>${nameOf(text, token_id)}</bdi>
                    </td>
                    <td class="number">${short(probability, 3)}</td>
                    <td class="alt-bar" aria-hidden="true">
                      <span
                        class="bar-fill"
                        .style=${`width: ${Math.min(100, 100 * (probability ?? 0)).toFixed(1)}%`}
                      ></span>
                    </td>
                    <td class="dim alt-fork" title=${sampled ? t('sampled') : ''}>
                      ${
                        sampled
                          ? html`◂${spoken(t('sampled'))}`
                          : iconButton({
                              icon: 'forked',
                              label: t('Fork with {0}', nameOf(text, token_id)),
                              onClick: () => fork(token_id),
                            })
                      }
                    </td>
                  </tr>`,
              )}
            </tbody>
          </table>`
    }
    ${note === '' ? nothing : html`<p class="dim">${note}</p>`}
  </div>`;
}
