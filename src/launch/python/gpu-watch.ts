import { setTimeout as sleep } from 'node:timers/promises';
import { Listeners, type Disposable } from '../../run/listeners.ts';
import { askGpus } from './gpus.ts';
import type { Gpu } from './gpus.ts';

const EVERY_MS = 5000;

/** What the GPUs of this computer are doing, asked for only while somebody wants to know. */
export class GpuWatch implements Disposable {
  readonly #everyMs: number;
  readonly #changed = new Listeners<readonly Gpu[]>();
  #gpus: readonly Gpu[] = [];
  #watching: AbortController | null = null;

  constructor(everyMs = EVERY_MS) {
    this.#everyMs = everyMs;
  }

  readonly onDidChange = (listener: (gpus: readonly Gpu[]) => void): Disposable =>
    this.#changed.add(listener);

  /** As they were a moment ago; none while nobody watches, and where there are none. */
  get gpus(): readonly Gpu[] {
    return this.#gpus;
  }

  /** Whether somebody wants to know. */
  watch(wanted: boolean): void {
    if (wanted === (this.#watching !== null)) return;
    this.#watching?.abort();
    this.#watching = wanted ? new AbortController() : null;
    if (this.#watching === null) this.#gpus = [];
    else void this.#poll(this.#watching.signal);
  }

  dispose(): void {
    this.watch(false);
    this.#changed.clear();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    let wait = true;
    while (wait) {
      const gpus = await askGpus(signal).catch(() => null);
      // Without the driver's program nobody will ever tell; one that fails may answer next time.
      if (gpus === null || signal.aborted) return;
      const same = gpus.length === 0 && this.#gpus.length === 0;
      this.#gpus = gpus;
      if (!same) this.#changed.tell(gpus);
      wait = await pause(this.#everyMs, signal);
    }
  }
}

/** Whether the time has passed; false: it was cut short. */
const pause = (ms: number, signal: AbortSignal): Promise<boolean> =>
  sleep(ms, true, { signal }).catch(() => false);
