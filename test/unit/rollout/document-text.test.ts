import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DocumentText, lastAtMost } from '../../../src/views/rollout/document-text.ts';

/** What VS Code makes of a text: no byte order mark, and one kind of line break. */
const held = (text: string): string[] => text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);

const hostile = fc
  .array(
    fc.constantFrom(
      ...[
        'a',
        '\n',
        '\r',
        '\r\n',
        '\u2028',
        '\u2029',
        '\u0085',
        '\ufeff',
        '\0',
        '\ud800',
        '\udc00',
      ],
      ...['😀', '\u202e', 'שלום', '\t', '\v', '\f', '\u001b', 'e\u0301'],
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

test('every offset is where VS Code holds its character, and comes back from there', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const document = new DocumentText(text);
      const lines = held(text);
      assert.equal(document.lines, lines.length);
      lines.forEach((line, i) => assert.equal(document.lineText(i), line));
      for (let offset = 0; offset <= text.length; offset++) {
        const { line, character } = document.placeAt(offset);
        assert.ok(character <= (lines[line] ?? '').length);
        const unit = text[offset];
        const isBreak = unit === '\n' || unit === '\r' || unit === undefined;
        const isMark = offset === 0 && unit === '\ufeff';
        if (isBreak) assert.equal(character, (lines[line] ?? '').length);
        else if (!isMark) {
          assert.equal(lines[line]?.[character], unit);
          assert.equal(document.offsetAt({ line, character }), offset);
        }
      }
    }),
  );
});

test('places beyond the text are the nearest in it', () => {
  const document = new DocumentText('ab\r\ncd');
  assert.equal(document.offsetAt({ line: -1, character: 5 }), 0);
  assert.equal(document.offsetAt({ line: 0, character: 99 }), 2);
  assert.equal(document.offsetAt({ line: 1, character: -3 }), 4);
  assert.equal(document.offsetAt({ line: 7, character: 0 }), 6);
  assert.deepEqual(document.placeAt(99), { line: 1, character: 2 });
  // Within the line break is the end of its line.
  assert.deepEqual(document.placeAt(3), { line: 0, character: 2 });
});

test('the last at most', () => {
  assert.equal(lastAtMost([0, 3, 3, 8], 3), 2);
  assert.equal(lastAtMost([0, 3, 3, 8], 100), 3);
  assert.equal(lastAtMost([5], 1), 0);
  assert.equal(lastAtMost([], 1), 0);
});
