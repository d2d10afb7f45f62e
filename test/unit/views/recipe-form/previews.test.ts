import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Previews } from '../../../../webview/shared/previews.ts';

test('a slider that is being moved stays in hand while the form is told anew', () => {
  const previews = new Previews();
  assert.equal(previews.textOf('temperature', '1'), '1');
  previews.move('temperature', '1.2');
  previews.settle();
  assert.equal(previews.textOf('temperature', '1'), '1.2');
  assert.equal(previews.textOf('beta', '0'), '0');
  // Let go: shown until the file is told, which then counts, whatever it says.
  previews.release();
  assert.equal(previews.textOf('temperature', '1'), '1.2');
  previews.settle();
  assert.equal(previews.textOf('temperature', '1.15'), '1.15');
});

test('where the file can not be changed, it says what is shown', () => {
  const previews = new Previews();
  previews.move('beta', '0.1');
  previews.clear();
  assert.equal(previews.textOf('beta', '0'), '0');
});
