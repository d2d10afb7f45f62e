import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hoverAt } from '../../../src/views/rollout/hover.ts';
import { hoverCommands } from '../../../src/views/rollout/links.ts';
import { bar, commandLink, literal, visible } from '../../../src/views/rollout/markdown.ts';
import { offsetOf } from '../../../src/views/rollout/rollout.ts';
import { Vocabulary } from '../../../src/views/model/vocabulary.ts';
import { row, tokensOf } from '../../fixtures/segments.ts';
import { assertOnlyCommands, chain, covered, rolloutOf } from './rollouts.ts';

/** Markdown as a person reads it: references resolved, links as their labels. */
function read(markdown: string): string {
  return markdown
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&nbsp;', ' ')
    .replaceAll('**', '');
}

test('all about the token that was drawn again', async () => {
  const rollout = await rolloutOf(chain, 1);
  const hover = hoverAt(rollout, offsetOf(rollout, 8));
  assert.ok(hover !== null);
  assert.equal(covered(rollout, hover.span), '\n');
  const text = read(hover.markdown);
  assert.match(text, /^↵ +token 8 of 24 · id 10 · try 1 · T 1\.20/);
  assert.match(text, /entropy 1\.320 nats · max prob 0\.410 · logprob −0\.010 \(p 0\.990\)/);
  assert.match(text, /rank 1 · advantage \+0\.500 · importance ratio × 0\.990/);
  assert.match(text, /\| 2 \| 0\.407 \| ████▏ \| fork with it \|/);
  assert.match(text, /\| #999 \| 0\.135 \| █▍ \|/);
  assert.match(text, /All others together 0\.13/);
  assert.match(text, /◆ Cut here: max prob 0\.41 < 0\.7/);
  assert.match(text, /Branches here: ✓ try 1 1\.00 · ✗ try 2 0\.00/);
  assert.match(text, /Fork from here · Show in explorer · Same position in siblings$/m);
  assertOnlyCommands(hover.markdown, hoverCommands);
});

test('links carry the place: whose token it is, and which alternative', async () => {
  const rollout = await rolloutOf(chain, 1);
  const { markdown = '' } = hoverAt(rollout, offsetOf(rollout, 3)) ?? {};
  const forked = await rolloutOf(chain, 2);
  const { markdown: own = '' } = hoverAt(forked, offsetOf(forked, 8)) ?? {};
  const calls: [string, unknown][] = [];
  for (const [, name = '', given = ''] of `${markdown}${own}`.matchAll(
    /command:adaptiveGrpo\.(\w+)\?([^)]*)\)/g,
  )) {
    calls.push([name, JSON.parse(decodeURIComponent(given))]);
  }
  assert.deepEqual(calls[0], [
    'forkFromToken',
    [{ directory: '/runs/one', segment_id: 0, position: 3 }],
  ]);
  assert.deepEqual(calls[1], [
    'revealInExplorer',
    ['/runs/one', { step: 1, prompt_id: 'p', segment_id: 1, position: 3 }],
  ]);
  assert.deepEqual(calls[2], [
    'siblingsAtToken',
    [{ directory: '/runs/one', segment_id: 1, position: 3 }],
  ]);
  assert.deepEqual(
    calls.find(([, given]) => JSON.stringify(given).includes('alternative')),
    ['forkFromToken', [{ directory: '/runs/one', segment_id: 2, position: 8, alternative: 50 }]],
  );
});

test('nothing over the prompt; behind the text, where it was cut and what grew from there', async () => {
  const cut = await rolloutOf(chain, 0);
  assert.equal(hoverAt(cut, 0), null);
  assert.equal(hoverAt(cut, cut.start - 1), null);
  const end = hoverAt(cut, cut.document.text.length);
  assert.ok(end !== null);
  const text = read(end.markdown);
  assert.match(text, /^◆ Failure point +before token 8/);
  assert.match(text, /entropy 1\.320 nats · max prob 0\.410/);
  assert.match(text, /\| 3 \| 0\.333 \|/);
  assert.match(text, /Branches here: ✓ try 1 1\.00 · ✗ try 2 0\.00/);
  const whole = await rolloutOf(chain, 1);
  assert.equal(hoverAt(whole, whole.document.text.length), null);
});

test('a token without text is told behind the text', async () => {
  const tokens = tokensOf('a', {
    token_ids: Int32Array.of(5, 2),
    token_ends: Int32Array.of(1, 1),
    logprob: new Float32Array(2),
    entropy: new Float32Array(2),
    max_prob: new Float32Array(2),
    advantage: new Float32Array(2),
  });
  const vocabulary = new Vocabulary((id) => (id === 2 ? '</s>' : null));
  const rollout = await rolloutOf([row({ segment_id: 0, tokens })], 0, vocabulary);
  const { markdown = '' } = hoverAt(rollout, rollout.document.text.length) ?? {};
  assert.match(read(markdown), /^∅ <\/s> +token 1 of 2 · id 2/);
});

test('parts of a character are told together, a flood of them in a sentence', async () => {
  const count = 100;
  const tokens = tokensOf('é', {
    token_ids: Int32Array.from({ length: count }, (_, i) => i),
    token_ends: Int32Array.from({ length: count }, (_, i) => (i === count - 1 ? 1 : 0)),
    logprob: new Float32Array(count),
    entropy: new Float32Array(count),
    max_prob: new Float32Array(count),
    advantage: new Float32Array(count),
  });
  const rollout = await rolloutOf([row({ segment_id: 0, tokens })], 0);
  const text = read(hoverAt(rollout, rollout.start)?.markdown ?? '');
  assert.match(text, /^96 more tokens are part of this character/);
  assert.equal(text.match(/token \d+ of 100/g)?.length, 4);
});

test('what can not be measured is a dash', async () => {
  const nothing = () => Float32Array.of(NaN);
  const tokens = tokensOf('a', { entropy: nothing(), max_prob: nothing(), logprob: nothing() });
  const rollout = await rolloutOf([row({ segment_id: 0, tokens })], 0);
  const text = read(hoverAt(rollout, rollout.start)?.markdown ?? '');
  assert.match(text, /entropy – nats · max prob – · logprob – · rank unknown/);
});

const evil = [
  '](command:workbench.action.terminal.new)',
  '[x](command:evil)',
  '<img src=x onerror=alert(1)>',
  '`code`',
  '| cell |',
  '\n\n# heading',
  'https://evil.example/?q=1',
  'www.evil.example',
  'a@evil.example',
  '&#91;x&#93;&lpar;command:evil&rpar;',
  '$(zap)',
  '\\[x\\](command:evil)',
  '<!--',
  '![](http://evil.example/x.png)',
  '\u202e\u2066',
  '\0\u001b[31m',
  '~~~',
  '***',
  '- [ ] ',
];

test('whatever a model writes is only text', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...evil), fc.string({ unit: 'binary' }))),
      (parts) => {
        const text = parts.join('');
        const markdown = literal(visible(text));
        // Letters, digits, spaces and characters beyond ASCII; all else is a reference.
        assert.match(markdown, /^(?:[A-Za-z0-9 ]|&#\d+;|[^\p{ASCII}])*$/u);
        assert.doesNotMatch(markdown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.doesNotMatch(literal(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|[[\]()<>`|*_:/\\$]/u);
      },
    ),
    { numRuns: 40 },
  );
});

test('hostile tokens, alternatives, names and folders add no link to a hover', async () => {
  const texts = evil.join('');
  const tokens = tokensOf(texts, {
    top: new Map([[0, { ids: Int32Array.of(7), logprobs: Float32Array.of(-1) }]]),
  });
  const vocabulary = new Vocabulary((id) => (id === 7 ? evil.join(' ') : null));
  const rollout = await rolloutOf([row({ segment_id: 0, prompt_id: 'p', tokens })], 0, vocabulary);
  for (let offset = rollout.start; offset <= rollout.document.text.length; offset++) {
    const { markdown = '' } = hoverAt(rollout, offset) ?? {};
    assertOnlyCommands(markdown, hoverCommands);
    assert.equal(
      markdown.match(/command:/g)?.length ?? 0,
      offset === rollout.start ? 4 : markdown === '' ? 0 : 3,
    );
  }
});

test('the arguments of a link can not end it', () => {
  const link = commandLink('label', 'a.b', { directory: `/runs/x) [y](command:evil) "'!*` });
  assert.match(link, /^\[label\]\(command:a\.b\?[^()\s"'!*[\]]*\)$/);
});

test('white space is seen', () => {
  assert.equal(visible(' the\n\t'), '␠the↵⇥');
  assert.equal(visible('\r\u202e\0'), '␍U+202E␀');
  assert.equal(visible('x'.repeat(100)), `${'x'.repeat(80)}… (100)`);
});

test('bars tell shares in eighths', () => {
  assert.equal(bar(0), '');
  assert.equal(bar(0.0125), '▏');
  assert.equal(bar(0.5), '█████');
  assert.equal(bar(1), '██████████');
  assert.equal(bar(7), '██████████');
  assert.equal(bar(NaN), '');
});
