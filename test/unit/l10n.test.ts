import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';
import { bundleFile, bundleOf, parseBundle, sources, type Source } from '../../scripts/l10n.ts';

const all = await sources();

function source(text: string): Source {
  return { path: 'x.ts', file: ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true) };
}
const bundle = (code: string) => bundleOf([source(`import { t } from '@vscode/l10n';\n${code}`)]);

test('the bundle holds every text of the code (npm run l10n writes it)', () => {
  const committed = parseBundle(readFileSync(bundleFile, 'utf8'));
  const found = bundleOf(all);
  const difference = (a: object, b: object) =>
    Object.keys(a).filter((key) => !Object.hasOwn(b, key));
  assert.deepEqual(difference(found, committed), [], 'missing from the bundle');
  assert.deepEqual(difference(committed, found), [], 'no longer in the code');
  assert.deepEqual(committed, found);
});

test('texts are found wherever they stand, and told apart by their comment', () => {
  assert.deepEqual(
    bundle(`
      html\`<p title=\${t('A’s title')}>\${t('{0} of {1}', a, b)}</p>\`;
      t({ message: 'Run', comment: 'a verb' });
      t('{0}', 1);
    `),
    {
      'A’s title': 'A’s title',
      'Run/a verb': { message: 'Run', comment: ['a verb'] },
      '{0}': '{0}',
      '{0} of {1}': '{0} of {1}',
    },
  );
});

test('a text that can’t be known, or that doesn’t fit its arguments, is said', () => {
  for (const code of [
    't(words)',
    't(`${n} steps`)',
    "t('a' + 'b')",
    "t('{0} of {1}', a)",
    "t('{0}', a, b)",
    "t('{0} of {2}', a, b)",
    't({ message: words, comment: "" })',
    't()',
  ]) {
    assert.throws(() => bundle(code), /x\.ts:2/, code);
  }
  assert.deepEqual(bundleOf([source('t(words)')]), {}, 'another t');
});
