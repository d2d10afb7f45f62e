import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { utf16Ends } from '../../../src/views/model/text.ts';
import {
  layOut,
  shown,
  stopIndex,
  type LayoutInput,
} from '../../../webview/explorer/path-layout.ts';

function input(tokens: string[], patch: Partial<LayoutInput> = {}): LayoutInput {
  let end = 0;
  const ends = tokens.map((token) => (end += Array.from(token).length));
  const text = tokens.join('');
  return {
    prompt: '',
    text,
    ends: utf16Ends(text, ends),
    marks: [],
    ending: '',
    width: 10,
    whitespace: false,
    measure: (some) => Array.from(some).length,
    ...patch,
  };
}

const drawn = (layout: ReturnType<typeof layOut>): string[] =>
  layout.lines.map((line) =>
    line.flatMap(({ pieces }) => pieces.map((piece) => shown(piece, true))).join(''),
  );

test('lines break before words, as long as a word fits a line', () => {
  const layout = layOut(input(['the', ' qu', 'ick', ' brown', ' fox']));
  assert.deepEqual(drawn(layout), ['the·quick', '·brown·fox']);
});

test('a newline is shown at the end of its line', () => {
  const layout = layOut(input(['a\n', '\n', 'b']));
  assert.deepEqual(drawn(layout), ['a⏎', '⏎', 'b']);
  assert.deepEqual([...layout.stopLines], [0, 1, 2]);
});

test('a token longer than a line is broken, and stays one stop', () => {
  const layout = layOut(input(['x', 'y'.repeat(25), 'z']));
  assert.deepEqual(drawn(layout), ['x', 'y'.repeat(10), 'y'.repeat(10), 'yyyyyz']);
  assert.deepEqual([...layout.stops], [0, 1, 2]);
});

test('an unfinished word that moves to the next line takes no more along than fits there', () => {
  const tokens = [' ', '   !', 'é', '!       !', '!         '];
  const layout = layOut(input(tokens, { width: 16 }));
  assert.ok(drawn(layout).every((line) => line.length <= 16));
});

test('marks stand before their token, failure points in a list of their own', () => {
  const failure = {
    trigger: null,
    max_prob: 0.4,
    entropy: 1,
    alternatives: [],
    sentence: '',
  };
  const layout = layOut(
    input(['a', 'b', 'c'], {
      marks: [
        { at: 1, failure: null, branches: [] },
        { at: 3, failure, branches: [] },
      ],
    }),
  );
  assert.deepEqual([...layout.stops], [0, 0.5, 1, 2, 2.5]);
  assert.deepEqual(layout.failures, [2.5]);
  assert.equal(drawn(layout).join(''), 'abc◆');
});

test('a path without any token has its mark', () => {
  const mark = { at: 0, failure: null, branches: [] };
  assert.deepEqual([...layOut(input([], { marks: [mark] })).stops], [-0.5]);
  assert.equal(layOut(input([])).lines.length, 0);
});

test('text that no token claims is shown with the last token', () => {
  const layout = layOut({ ...input(['a']), text: 'abc' });
  assert.equal(drawn(layout).join(''), 'abc');
});

test('nothing is lost and no line is wider than allowed', () => {
  const token = fc.oneof(
    fc.string({ maxLength: 14 }),
    fc.constantFrom('\n', ' ', '\t', '', '😀', ' the', 'e\u0301', '\u202e'),
  );
  fc.assert(
    fc.property(
      fc.array(token, { maxLength: 60 }),
      fc.integer({ min: 8, max: 30 }),
      (tokens, width) => {
        const layout = layOut(input(tokens, { width }));
        const expected = layOut(input(tokens, { width: Infinity }));
        assert.equal(drawn(layout).join(''), drawn(expected).join(''));
        for (const line of layout.lines) {
          const total = line
            .flatMap(({ pieces }) => pieces)
            .reduce((sum, piece) => sum + shown(piece, false).length, 0);
          // A sign of an unsafe character is never broken, nor is what hangs on it.
          if (line.length > 1) assert.ok(total <= Math.max(width, 16) + 8);
        }
        for (let i = 1; i < layout.stops.length; i++) {
          assert.ok((layout.stops[i] ?? 0) > (layout.stops[i - 1] ?? 0));
          assert.ok((layout.stopLines[i] ?? 0) >= (layout.stopLines[i - 1] ?? 0));
        }
        for (const [i, stop] of layout.stops.entries()) {
          const line = layout.lines[layout.stopLines[i] ?? -1];
          assert.ok(line?.some((fragment) => fragment.stop === stop));
          assert.equal(stopIndex(layout, stop), i);
        }
      },
    ),
  );
});
