import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';
import {
  bundleFile,
  bundleOf,
  parseBundle,
  place,
  sources,
  walk,
  type Source,
} from '../../scripts/l10n.ts';

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

/** Signs that read the same in every language. */
const universal = new Set(['T', 'Δ']);

/** Words of a template of lit's that stand there as they are: between tags, and in labels. */
function untranslated(template: ts.TemplateLiteral): string[] {
  const holes = '\u0000';
  const source = ts.isNoSubstitutionTemplateLiteral(template)
    ? template.text
    : template.head.text +
      template.templateSpans.map(({ literal }) => holes + literal.text).join('');
  const labels = [...source.matchAll(/\s(?:title|alt|placeholder|aria-[a-z]*label)="([^"]*)"/g)];
  const between = source.replaceAll(/<[^>]*>/g, holes).split(holes);
  return [...between, ...labels.flatMap(([, label = '']) => label.split(holes))]
    .map((text) => text.trim())
    .filter((text) => /\p{L}/u.test(text) && !universal.has(text));
}

test('what a webview’s template shows is translated', () => {
  const templates = all.flatMap((one) => {
    const found: string[] = [];
    walk(one.file, (node) => {
      if (!ts.isTaggedTemplateExpression(node) || node.tag.getText() !== 'html') return;
      for (const text of untranslated(node.template)) found.push(`${place(one, node)}: ${text}`);
    });
    return found;
  });
  assert.deepEqual(templates, []);
  const sample = source('html`<p title="A title">Hello <b>${t("x")}</b></p>`').file.statements[0];
  assert.ok(sample !== undefined && ts.isExpressionStatement(sample));
  assert.ok(ts.isTaggedTemplateExpression(sample.expression));
  assert.deepEqual(untranslated(sample.expression.template), ['Hello', 'A title']);
});

/** Properties whose text a person reads. */
const shown = new Set([
  'label',
  'placeHolder',
  'placeholder',
  'title',
  'detail',
  'prompt',
  'message',
]);

/** VS Code draws `$(name)` as an icon. */
const withoutIcon = (text: string): string => text.replaceAll(/\$\([a-z-]+\)/g, '');

test('labels, titles and messages of the views are translated', () => {
  const found = all
    .filter(({ path }) => /^(?:src\/views|webview)\//.test(path))
    .flatMap((one) => {
      const plain: string[] = [];
      walk(one.file, (node) => {
        if (!ts.isPropertyAssignment(node) || !shown.has(node.name.getText())) return;
        const value = node.initializer;
        const words = ts.isTemplateExpression(value) ? withoutIcon(value.head.text) : '';
        const text = ts.isStringLiteralLike(value) ? value.text : words;
        if (/\p{L}/u.test(text) && !ts.isLiteralTypeNode(node.parent)) {
          plain.push(`${place(one, node)}: ${text}`);
        }
      });
      return plain;
    });
  assert.deepEqual(found, []);
});
