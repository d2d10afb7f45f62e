import { z } from 'zod';
import { keyOf, specSchema, type Spec } from './spec.ts';

const KEY = 'recentComparisons';
const MOST = 10;
const stored = z.array(z.unknown()).catch([]);

/** The part of `vscode.Memento` needed here. */
export interface Memory {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

/** Comparisons that were opened in this workspace, the latest first. */
export class Recent {
  readonly #state: Memory;

  constructor(state: Memory) {
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

  /**
   * The same comparison with the runs that it has by now: a tab that nobody looked at while they
   * began remembers fewer.
   */
  grown(spec: Spec): Spec {
    if (spec.kind === 'file') return spec;
    const holds = (other: Spec): boolean =>
      other.kind === 'runs' &&
      other.name === spec.name &&
      spec.sides.every(({ directories }, side) =>
        directories.every((each) => other.sides[side]?.directories.includes(each) === true),
      );
    return this.all.find(holds) ?? spec;
  }

  /** The same comparison has more runs by now. */
  replace(key: string, spec: Spec): void {
    const others = this.all.filter((each) => keyOf(each) !== key && keyOf(each) !== keyOf(spec));
    if (!isEmpty(spec)) void this.#state.update(KEY, [spec, ...others].slice(0, MOST));
  }
}

const isEmpty = (spec: Spec): boolean =>
  spec.kind === 'runs' && spec.sides.every(({ directories }) => directories.length === 0);
