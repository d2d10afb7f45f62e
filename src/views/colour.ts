import type { ColourMode } from './model/shapes.ts';
import { colourModes } from './model/shapes.ts';
import { Listeners, type Disposable } from '../run/listeners.ts';

/** Where the choice is kept over restarts; the part of `vscode.Memento` needed here. */
export interface Memory {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const KEY = 'colour';

/** What tokens are coloured by: one choice for the explorer and all rollout documents. */
export class ColourChoice {
  readonly #memory: Memory;
  readonly #listeners = new Listeners<ColourMode>();
  #value: ColourMode;

  constructor(memory: Memory) {
    this.#memory = memory;
    const stored = memory.get(KEY);
    this.#value = colourModes.find((mode) => mode === stored) ?? 'entropy';
  }

  get value(): ColourMode {
    return this.#value;
  }

  set(value: ColourMode): void {
    if (value === this.#value) return;
    this.#value = value;
    void this.#memory.update(KEY, value);
    this.#listeners.tell(value);
  }

  onDidChange(listener: (value: ColourMode) => void): Disposable {
    return this.#listeners.add(listener);
  }
}
