import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page } from '../../../src/views/page.ts';

const html = page({
  cspSource: 'https://*.vscode-cdn.net',
  nonce: 'n0nce',
  script: 'https://file+.vscode-resource/x/charts.js?"><script>',
  style: 'https://file+.vscode-resource/x/charts.css',
  title: '</title><img src=x onerror=alert(1)>',
});

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
