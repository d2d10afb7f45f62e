import type { RunStore } from '../../run/store.ts';

/** What the explorer reads of a run; `RunStore` is one. */
export type RunSource = Pick<
  RunStore,
  | 'directory'
  | 'manifest'
  | 'status'
  | 'steps'
  | 'problems'
  | 'events'
  | 'groups'
  | 'tree'
  | 'tokens'
  | 'strip'
  | 'onDidChange'
>;
