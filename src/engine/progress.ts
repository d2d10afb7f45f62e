import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';

/** Where a person watches a run. */
export interface Progress {
  /** A step is done. `metrics` are those of the step's event. */
  step: (step: number, steps: number, metrics: Readonly<Record<string, number>>) => void;
  /** Something worth a line of its own. */
  line: (text: string) => void;
  close: () => void;
}

/**
 * A line every so many steps, into the log and, where there is one, to whoever watches: on a
 * terminal as one line that moves with every step.
 */
export function openProgress(
  log: (line: string) => void,
  out: NodeJS.WritableStream | WriteStream | null,
  every: number,
): Progress {
  const logged = new PlainLines(log, every);
  if (out === null) return logged;
  const write = (text: string) => void out.write(`${text}\n`);
  const shown = 'isTTY' in out && out.isTTY ? new MovingLine(out) : new PlainLines(write, every);
  return {
    step: (...report) => [logged, shown].forEach((each) => each.step(...report)),
    line: (text) => [logged, shown].forEach((each) => each.line(text)),
    close: () => [logged, shown].forEach((each) => each.close()),
  };
}

class PlainLines implements Progress {
  readonly line: (text: string) => void;
  readonly #every: number;

  constructor(write: (text: string) => void, every: number) {
    this.line = write;
    this.#every = every;
  }

  step(step: number, steps: number, metrics: Readonly<Record<string, number>>): void {
    if (step % this.#every === 0 || step === steps) this.line(summary(step, steps, metrics));
  }

  close(): void {
    // Every line is out already.
  }
}

class MovingLine implements Progress {
  readonly #out: WriteStream;
  #last = '';

  constructor(out: WriteStream) {
    this.#out = out;
  }

  step(step: number, steps: number, metrics: Readonly<Record<string, number>>): void {
    const width = 20;
    const done = Math.min(width, Math.round((width * step) / steps));
    const bar = '█'.repeat(done) + '░'.repeat(width - done);
    this.#last = `${bar} ${summary(step, steps, metrics)}`;
    this.#draw();
  }

  line(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
    this.#draw();
  }

  close(): void {
    if (this.#last !== '') this.#out.write('\n');
    this.#last = '';
  }

  #draw(): void {
    if (this.#last === '') return;
    this.#clear();
    // A line wider than the terminal would wrap and pile up.
    this.#out.write(this.#last.slice(0, Math.max(20, this.#out.columns - 1)));
  }

  #clear(): void {
    clearLine(this.#out, 0);
    cursorTo(this.#out, 0);
  }
}

/** The figures one looks at while waiting; those a step doesn't have are left out. */
export function summary(
  step: number,
  steps: number,
  metrics: Readonly<Record<string, number>>,
): string {
  const parts = [`step ${step}/${steps}`];
  const add = (name: string, write: (value: number) => string) => {
    const value = metrics[name];
    if (value !== undefined) parts.push(write(value));
  };
  const percent = (value: number) => `${(100 * value).toFixed(0)}%`;
  add('reward', (value) => `reward ${value.toFixed(3)}`);
  add('adaptive/truncation_rate', (value) => `truncated ${percent(value)}`);
  add('entropy', (value) => `entropy ${value.toFixed(3)}`);
  add('tokens/generated', (value) => `${thousands(value)} tokens`);
  add('time/step', (value) => `${value.toFixed(1)} s`);
  return parts.join('  ');
}

function thousands(count: number): string {
  if (count < 10_000) return String(count);
  return count < 1e6 ? `${(count / 1e3).toFixed(0)}k` : `${(count / 1e6).toFixed(2)}M`;
}
