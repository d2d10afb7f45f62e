import type * as vscode from 'vscode';
import { z } from 'zod';
import { keyOf, specSchema, type Spec } from './spec.ts';

const KEY = 'recentComparisons';
const MOST = 10;
const stored = z.array(z.unknown()).catch([]);

/** Comparisons that were opened in this workspace, the latest first. */
export class Recent {
  readonly #state: vscode.Memento;

  constructor(state: vscode.Memento) {
    this.#state = state;
  }

  /** What an older version left and can't be read is passed over. */
  get all(): Spec[] {
    return stored.parse(this.#state.get(KEY)).flatMap((each) => {
      const parsed = specSchema.safeParse(each);
      return parsed.success ? [parsed.data] : [];
    });
  }

  add(spec: Spec): void {
    // One that has only begun shows nothing again.
    if (isEmpty(spec)) return;
    const others = this.all.filter((each) => keyOf(each) !== keyOf(spec));
    void this.#state.update(KEY, [spec, ...others].slice(0, MOST));
  }

  /** The same comparison has more runs by now. */
  replace(key: string, spec: Spec): void {
    const others = this.all.filter((each) => keyOf(each) !== key && keyOf(each) !== keyOf(spec));
    if (!isEmpty(spec)) void this.#state.update(KEY, [spec, ...others].slice(0, MOST));
  }
}

const isEmpty = (spec: Spec): boolean =>
  spec.kind === 'runs' && spec.sides.every(({ directories }) => directories.length === 0);
