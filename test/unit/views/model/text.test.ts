import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  nameOf,
  pieces,
  quoted,
  tokenGroups,
  utf16Ends,
} from '../../../../src/views/model/text.ts';

test('ends in code points become ends in UTF-16', () => {
  assert.deepEqual([...utf16Ends('a😀b', [1, 2, 3])], [1, 3, 4]);
});

test('ends that run backwards or too far are brought back in order', () => {
  const ends = utf16Ends('abc', [2, 1, 99, -5]);
  assert.deepEqual([...ends], [2, 2, 3, 3]);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.integer()), (text, wild) => {
      const fixed = utf16Ends(text, wild);
      let last = 0;
      for (const end of fixed) {
        assert.ok(end >= last && end <= text.length);
        last = end;
      }
    }),
  );
});

test('tokens that share a character are one group', () => {
  // 'a', three tokens for 😀 of which the last completes it, 'b'.
  const text = 'a😀b';
  assert.deepEqual([...tokenGroups(text, utf16Ends(text, [1, 1, 1, 2, 3]))], [0, 1, 4]);
});

test('a token without text that no character follows stands alone', () => {
  assert.deepEqual([...tokenGroups('ab', [1, 1, 2])], [0, 1, 2]);
  assert.deepEqual([...tokenGroups('ab', [1, 2, 2, 2])], [0, 1, 2, 3]);
});

test('every token is in exactly one group', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.array(fc.nat(8), { maxLength: 60 }),
      (text, lengths) => {
        let end = 0;
        const ends = utf16Ends(
          text,
          lengths.map((length) => (end += length)),
        );
        const groups = tokenGroups(text, ends);
        assert.equal(groups[0] ?? 0, 0);
        for (let i = 1; i < groups.length; i++) assert.ok((groups[i] ?? 0) > (groups[i - 1] ?? 0));
        if (lengths.length > 0) assert.ok((groups.at(-1) ?? 0) < lengths.length);
      },
    ),
  );
});

test('white space and unsafe characters become pieces of their own', () => {
  assert.deepEqual(
    pieces('a b\n\t\u0000').map(({ text, kind }) => [text, kind]),
    [
      ['a', 'text'],
      [' ', 'space'],
      ['b', 'text'],
      ['\n', 'newline'],
      ['\t', 'tab'],
      ['␀', 'unsafe'],
    ],
  );
});

test('nothing that could move, hide or break text is shown as it is', () => {
  const evil = [
    '\u202e',
    '\u2066',
    '\u200b',
    '\u200d',
    '\ufeff',
    '\u2028',
    '\u001b',
    '\ud800',
    '\u00ad',
    '\u{e0041}',
    '\u3164',
    '\r',
    '\u007f',
  ];
  for (const character of evil) {
    const [piece] = pieces(character);
    assert.equal(piece?.kind, 'unsafe', `U+${character.codePointAt(0)?.toString(16)}`);
    assert.doesNotMatch(piece.text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}]/u);
  }
  assert.equal(nameOf('\u202e'), 'U+202E');
  assert.equal(nameOf('\r'), '␍');
});

test('what is shown holds every visible character of the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const joined = pieces(text)
        .filter((piece) => piece.kind !== 'unsafe')
        .map((piece) => piece.text)
        .join('');
      const visible = pieces(joined)
        .map((piece) => piece.text)
        .join('');
      assert.equal(visible, joined);
    }),
  );
});

test('emoji of several characters stay whole; scripts are left alone', () => {
  assert.deepEqual(pieces('👩‍👩‍👧‍👦'), [{ text: '👩‍👩‍👧‍👦', kind: 'text' }]);
  assert.deepEqual(pieces('שלום數學é'), [{ text: 'שלום數學é', kind: 'text' }]);
});

test('quoting leaves nothing invisible', () => {
  assert.equal(quoted('a\n'), String.raw`"a\n"`);
  assert.equal(quoted('"\r\t'), String.raw`"\"\r\t"`);
  assert.equal(quoted('\u202e'), '"U+202E"');
  assert.equal(quoted('<b>'), '"<b>"');
  assert.equal(quoted(''), '""');
});
