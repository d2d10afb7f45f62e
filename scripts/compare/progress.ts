import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';
import { summary } from '../../src/engine/progress.ts';
import type { Place } from './places.ts';

interface Newest {
  step: number;
  metrics: Readonly<Record<string, number>>;
}
/** How long a run may go on; steps may be unknown. */
export interface Limits {
  max_steps: number | null;
  max_generated_tokens: number | null;
}

/** Without a terminal, how often a line says how far a run is. */
const QUIET_MS = 30_000;

/** One line that says how far the comparison is; where there is no terminal, a line now and then. */
export class ProgressLine {
  readonly #out: WriteStream;
  readonly #total: number;
  readonly #running = new Map<Place, string>();
  #done = 0;
  #said = 0;

  constructor(out: WriteStream, total: number) {
    this.#out = out;
    this.#total = total;
  }

  begin(place: Place, again: boolean): void {
    const { side, seed, directory } = place;
    this.#running.set(place, '');
    this.line(`${side} seed ${seed}: ${again ? 'goes on' : 'begins'} in ${directory}`);
  }

  step(place: Place, { step, metrics }: Newest, limits: Limits): void {
    const budget = limits.max_generated_tokens;
    const tokens = metrics['tokens/generated'];
    const steps = limits.max_steps !== null && limits.max_steps > 0 ? limits.max_steps : null;
    // Where the budget decides, the steps there might be say nothing.
    const whole = budget === null && steps !== null ? steps : null;
    const share =
      budget !== null && tokens !== undefined ? tokens / budget : steps === null ? 0 : step / steps;
    const figures = summary(step, whole ?? step, metrics);
    const text = whole === null ? figures.replace(`step ${step}/${step}`, `step ${step}`) : figures;
    this.#running.set(place, `${Math.min(100, Math.round(100 * share))} %  ${text}`);
    if (this.#out.isTTY) this.#draw();
    else if (performance.now() - this.#said > QUIET_MS) this.#write(this.#text() ?? '');
  }

  end(place: Place): void {
    this.#running.delete(place);
  }

  done({ side, seed }: Place, kind: 'finished' | 'stopped'): void {
    if (kind === 'finished') this.#done += 1;
    this.line(`${side} seed ${seed}: ${kind} (${this.#done} of ${this.#total} runs)`);
  }

  /** Something worth a line of its own. */
  line(text: string): void {
    this.#clear();
    this.#write(text);
    this.#draw();
  }

  close(): void {
    this.#running.clear();
    this.#clear();
  }

  /** Null while no run has anything to tell. */
  #text(): string | null {
    const runs = [...this.#running].filter(([, text]) => text !== '');
    const each = runs.map(([{ side, seed }, text]) => `${side} seed ${seed}  ${text}`);
    return each.length === 0 ? null : `[${this.#done}/${this.#total}] ${each.join('  |  ')}`;
  }

  #write(text: string): void {
    this.#said = performance.now();
    this.#out.write(`${text}\n`);
  }

  #draw(): void {
    const text = this.#text();
    if (!this.#out.isTTY || text === null) return;
    this.#clear();
    // A line wider than the terminal would wrap and pile up.
    this.#out.write(text.slice(0, Math.max(20, this.#out.columns - 1)));
  }

  #clear(): void {
    if (!this.#out.isTTY) return;
    clearLine(this.#out, 0);
    cursorTo(this.#out, 0);
  }
}
