import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recent } from '../../../../src/views/compare/recent.ts';
import { keyOf, type RunsSpec, type Spec } from '../../../../src/views/compare/spec.ts';

class Memory {
  value: unknown;
  get(): unknown {
    return this.value;
  }
  update(_key: string, value: unknown): Promise<void> {
    // As VS Code keeps it.
    this.value = JSON.parse(JSON.stringify(value));
    return Promise.resolve();
  }
}

const spec = (name: string, first: string[], second: string[]): RunsSpec => ({
  kind: 'runs',
  name,
  sides: [
    { name: 'baseline', directories: first },
    { name: 'adaptive', directories: second },
  ],
  targets: null,
});
const file: Spec = { kind: 'file', path: '/x/comparison.json', targets: null };

test('the latest first, each once, and only so many', () => {
  const recent = new Recent(new Memory());
  recent.add(spec('one', ['/a'], ['/b']));
  recent.add(file);
  recent.add(spec('again', ['/a'], ['/b']));
  assert.deepEqual(recent.all, [spec('again', ['/a'], ['/b']), file]);
  for (let i = 0; i < 20; i += 1) recent.add(spec('many', [`/${i}`], []));
  assert.equal(recent.all.length, 10);
});

test('a comparison that is being made is one, however many runs it has by now', () => {
  const recent = new Recent(new Memory());
  const begun = spec('made', [], []);
  recent.add(begun);
  assert.deepEqual(recent.all, [], 'nothing to show again');
  const first = spec('made', ['/a'], []);
  recent.replace(keyOf(begun), first);
  const both = spec('made', ['/a'], ['/b']);
  recent.replace(keyOf(first), both);
  assert.deepEqual(recent.all, [both]);
  // A tab that was hidden meanwhile remembers what it knew.
  assert.deepEqual(recent.grown(first), both);
  assert.deepEqual(recent.grown(begun), both);
  assert.deepEqual(recent.grown(spec('made', ['/c'], [])), spec('made', ['/c'], []));
  assert.deepEqual(recent.grown(file), file);
});

test('what can not be read any more is passed over', () => {
  const memory = new Memory();
  memory.value = [{ kind: 'else' }, file, 7];
  assert.deepEqual(new Recent(memory).all, [file]);
  memory.value = 'x';
  assert.deepEqual(new Recent(memory).all, []);
});
