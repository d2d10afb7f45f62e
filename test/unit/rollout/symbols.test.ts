import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pieces } from '../../fixtures/synthesize.ts';
import type { Place } from '../../../src/views/rollout/document-text.ts';
import { symbolsOf, type RolloutSymbol } from '../../../src/views/rollout/symbols.ts';
import { cutRow, row, tokensOf } from '../../fixtures/segments.ts';
import { chain, covered, rolloutOf } from './rollouts.ts';

const names = (symbols: readonly RolloutSymbol[]): unknown[] =>
  symbols.map(({ name, detail, children }) => [name, detail, children.map((each) => each.name)]);

test('the outline: the prompt, the segments, and the steps of each', async () => {
  const rollout = await rolloutOf(chain, 1);
  const symbols = symbolsOf(rollout);
  assert.deepEqual(names(symbols), [
    ['prompt', 'What?', []],
    ['root 1', 'T 1.00 · advantage +0.50', ['8*35=280']],
    ['try 1', 'T 1.20 · reward 1.00 · advantage +0.50', ['47+280=327', '#327']],
  ]);
  assert.equal(covered(rollout, symbols[2]?.children[0]?.span ?? assert.fail()), '47+280=327');
});

const before = (a: Place, b: Place): boolean =>
  a.line < b.line || (a.line === b.line && a.character <= b.character);

/** VS Code refuses symbols that are not inside their parents, or without a name. */
function assertNested(symbols: readonly RolloutSymbol[], parent: RolloutSymbol | null): void {
  let last: Place = { line: 0, character: 0 };
  for (const symbol of symbols) {
    const { start, end } = symbol.span;
    assert.ok(symbol.name.trim() !== '' && !/[\r\n]/.test(symbol.name));
    assert.ok(before(start, end));
    assert.ok(before(last, start));
    if (parent !== null) {
      assert.ok(before(parent.span.start, start) && before(end, parent.span.end));
    }
    last = end;
    assertNested(symbol.children, symbol);
  }
}

test('symbols lie inside each other and in order, whatever the text', async () => {
  const written = fc.array(fc.constantFrom(...pieces, '\r\n', '\r', '\n\n'), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(written, written, fc.nat(20), async (first, second, fork) => {
      const root = tokensOf(first.join(''));
      const fork_at = Math.min(fork, root.token_ids.length);
      const rows = [
        row({ segment_id: 0, tokens: root }),
        row({ segment_id: 1, parent_id: 0, fork_at, tokens: tokensOf(second.join('')) }),
      ];
      assertNested(symbolsOf(await rolloutOf(rows, 1)), null);
    }),
    { numRuns: 200 },
  );
});

test('a segment whose first token was never sampled has an outline too', async () => {
  const rows = [cutRow({ segment_id: 0, tokens: tokensOf(''), failure_point: 0 })];
  assert.deepEqual(names(symbolsOf(await rolloutOf(rows, 0))), [
    ['prompt', 'What?', []],
    ['root 1', 'T 1.00', []],
  ]);
});
