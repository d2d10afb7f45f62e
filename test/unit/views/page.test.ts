import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page } from '../../../src/views/page.ts';

const content = {
  cspSource: 'https://*.vscode-cdn.net',
  nonce: 'n0nce',
  script: 'https://file+.vscode-resource/x/charts.js?"><script>',
  style: 'https://file+.vscode-resource/x/charts.css',
  title: '</title><img src=x onerror=alert(1)>',
  language: 'en',
  texts: undefined,
};
const html = page(content);

test('nothing is allowed but our own script and style', () => {
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
  const rules = new Map(
    policy.split('; ').map((rule) => {
      const [name = '', ...sources] = rule.replaceAll('&#39;', "'").split(' ');
      return [name, sources.join(' ')];
    }),
  );
  assert.equal(rules.get('default-src'), "'none'");
  assert.equal(rules.get('script-src'), "'nonce-n0nce'");
  assert.doesNotMatch(policy, /unsafe|\*(?!\.vscode-cdn)|connect-src|frame-src/);
});

test('every script carries the nonce, and none is inline', () => {
  const scripts = [...html.matchAll(/<script([^>]*)>([^<]*)</g)];
  assert.equal(scripts.length, 1);
  assert.match(scripts[0]?.[1] ?? '', /nonce="n0nce" src="/);
  assert.equal(scripts[0]?.[2], '');
  assert.doesNotMatch(html, /\son\w+="|style="/);
});

test('what comes from outside is text', () => {
  assert.doesNotMatch(html, /<img|"><script>/);
  assert.match(html, /&lt;\/title&gt;/);
});

test('the texts of the display language come along as data', () => {
  const texts = { step: '</script><script>alert(1)</script>', 'a "b"': 'ä & ö' };
  const localized = page({ ...content, language: 'de', texts });
  assert.match(localized, /<html lang="de">/);
  const blocks = [...localized.matchAll(/<script type="application\/json">([^<]*)<\/script>/g)];
  assert.equal(blocks.length, 1);
  assert.deepEqual(JSON.parse(blocks[0]?.[1] ?? ''), texts);
  assert.equal(localized.match(/<script/g)?.length, 2);
  assert.doesNotMatch(html, /application\/json/);
});
