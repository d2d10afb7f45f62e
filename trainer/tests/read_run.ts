/**
 * What the extension's own reader finds in a run directory, as JSON:
 *
 *     node read_run.ts DIRECTORY
 */
import { RunStore } from '../../src/run/store.ts';

const plain = (_key: string, value: unknown): unknown => {
  if (value instanceof Int32Array || value instanceof Float32Array) return Array.from(value);
  return value instanceof Map ? Object.fromEntries(value) : value;
};

const store = await RunStore.open(process.argv[2] ?? '.');
const segments = [];
for (const { step, prompt_id } of store.groups()) {
  for (const segment of store.tree(step, prompt_id)) {
    segments.push({ ...segment, tokens: await store.tokens(segment.segment_id) });
  }
}
const { manifest, steps, evaluations, events, problems, status } = store;
const found = { manifest, steps, evaluations, events, problems, status, segments };
process.stdout.write(JSON.stringify(found, plain));
store.dispose();
