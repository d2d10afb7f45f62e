import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeBatch } from '../../../src/run/arrow/encode.ts';
import { probeSchema } from '../../../src/run/arrow/schema.ts';
import { foreignTokenId } from '../../../src/run/model/probe.ts';
import { uncertaintyOf } from '../../../src/strategy/index.ts';
import type { AnsweredToken, Continuation } from '../../../src/views/fork/answer.ts';
import type { ForkPlace } from '../../../src/views/fork/place.ts';
import { codePointEnds, probeRow, type ProbeInputs } from '../../../src/views/fork/rows.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

const [root] = synthesizeTree(
  { step: 3, prompt_id: 'p', firstId: 7 },
  { tokensPerCompletion: 12, skill: 0.5 },
  randomFrom(1),
);
assert.ok(root);
const place: ForkPlace = {
  step: 3,
  prompt_id: 'p',
  prompt: '1+1=',
  parent: root,
  fork_at: 5,
  kept: { text: 'kept ', ids: Int32Array.of(1, 2, 3, 4, 5) },
  alternatives: null,
  texts: null,
  sampled: null,
};
const inputs = (patch: Partial<ProbeInputs> = {}): ProbeInputs => ({
  place,
  temperature: 1,
  forced: null,
  origin: { source: 'server', name: 'box', model: 'm', time: '2026-11-22T18:00:00.000Z' },
  textOf: (id) => ['a', 'b', 'c'][id] ?? null,
  ...patch,
});
const token = (id: number | null, text: string, logprob = -0.1): AnsweredToken => ({
  id,
  text,
  logprob,
  top: [
    { id, text, logprob },
    { id: null, text: 'z', logprob: -3 },
  ],
});
const said = (tokens: Continuation['tokens'], text = 'ab'): Continuation => ({
  text,
  tokens,
  exact: null,
  ended: true,
});
const row = (continuation: Continuation, patch: Partial<ProbeInputs> = {}) =>
  probeRow(inputs(patch), continuation, null, 'no_endpoint');

test('ids are the run’s only where all of them read the same there', () => {
  const same = row(said([token(0, 'a'), token(1, 'b')]));
  assert.deepEqual([...same.tokens.token_ids], [0, 1]);
  // An alternative without an id is called by its text, the token itself by its own id.
  assert.deepEqual([...(same.tokens.top.get(0)?.ids ?? [])], [0, foreignTokenId('z')]);
  assert.deepEqual(same.tokens.texts, new Map([[foreignTokenId('z'), 'z']]));
  const other = row(said([token(0, 'a'), token(1, 'B')], 'aB'));
  assert.deepEqual([...other.tokens.token_ids], [foreignTokenId('a'), foreignTokenId('B')]);
  assert.equal(other.tokens.texts?.get(foreignTokenId('B')), 'B');
  const unknown = row(said([token(0, 'a')], 'a'), { textOf: () => null });
  assert.ok(unknown.tokens.token_ids.every((id) => id < 0));
  const own = row(said([token(70, 'a')], 'a'), { textOf: null });
  assert.deepEqual([...own.tokens.token_ids], [70]);
  // An end token reads as nothing, or by its name.
  const ended = row(said([token(0, 'a'), token(2, '')], 'a'));
  assert.deepEqual([...ended.tokens.token_ids], [0, 2]);
  assert.deepEqual([...ended.tokens.token_ends], [1, 1]);
});

test('entropy of the best few alone is a lower bound, and the row says so', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 3, maxLength: 30 }),
      fc.nat(29),
      fc.integer({ min: 1, max: 5 }),
      (logits, pick, k) => {
        const whole = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
        const all = logits.map((logit, i) => ({ id: i, text: String(i), logprob: logit - whole }));
        const sampled = all[pick % all.length];
        assert.ok(sampled);
        const top = all.toSorted((a, b) => b.logprob - a.logprob).slice(0, k);
        const { origin, tokens } = row(said([{ ...sampled, top }], sampled.text));
        const exact = uncertaintyOf(logits);
        assert.ok((tokens.entropy[0] ?? NaN) <= exact.entropy + 1e-6);
        assert.ok(Math.abs((tokens.max_prob[0] ?? NaN) - exact.max_prob) < 1e-6);
        assert.equal(origin?.uncertainty, 'lower_bound');
        if (k < logits.length) return;
        assert.ok(Math.abs((tokens.entropy[0] ?? NaN) - exact.entropy) < 1e-5);
      },
    ),
  );
});

test('a lone log probability says how sure the policy was only where it is more than half', () => {
  const alone = (logprob: number) => ({ id: 0, text: 'a', logprob, top: [] });
  const { tokens, origin } = row(said([alone(-0.1), alone(-2)], 'aa'));
  assert.ok((tokens.max_prob[0] ?? NaN) > 0.9 && Number.isNaN(tokens.max_prob[1]));
  assert.equal(origin?.uncertainty, 'lower_bound');
  const unsure = row(said([alone(-2)], 'a'));
  assert.equal(unsure.origin?.uncertainty, 'none');
  assert.equal(unsure.origin.logprob, 'sampled');
});

test('without log probabilities the text is kept, and nothing else is made up', () => {
  const { tokens, origin, length } = row(said(null, 'so be it'));
  assert.equal(length, 1);
  assert.equal(tokens.text, 'so be it');
  assert.deepEqual([...tokens.token_ids], [foreignTokenId('so be it')]);
  assert.ok(Number.isNaN(tokens.logprob[0]) && Number.isNaN(tokens.entropy[0]));
  assert.deepEqual([origin?.uncertainty, origin?.logprob], ['none', 'none']);
  assert.equal(row(said(null, '')).length, 0);
});

test('log probabilities are at the temperature of sampling, or the row says that they are not', () => {
  assert.equal(row(said([token(0, 'a')], 'a')).origin?.logprob, 'sampled');
  const hot = row(said([token(0, 'a')], 'a'), { temperature: 1.3 });
  assert.equal(hot.origin?.logprob, 'temperature_1');
  const exact = { entropy: [0.5], max_prob: [0.75], sampled_logprob: [-0.25] };
  const known = row({ ...said([token(0, 'a')], 'a'), exact }, { temperature: 1.3 });
  assert.deepEqual([...known.tokens.logprob], [-0.25]);
  assert.deepEqual([...known.tokens.entropy], [0.5]);
  assert.deepEqual([known.origin?.logprob, known.origin?.uncertainty], ['sampled', 'exact']);
});

test('a forced token stands first, sampled by nobody', () => {
  const forced = { id: 2, text: '✓c' };
  const { tokens, origin, length } = row(said([token(0, 'a'), token(1, 'b')]), { forced });
  assert.equal(length, 3);
  assert.equal(tokens.text, '✓cab');
  assert.deepEqual([...tokens.token_ids], [2, 0, 1]);
  assert.deepEqual([...tokens.token_ends], [2, 3, 4]);
  assert.ok(Number.isNaN(tokens.logprob[0]) && !Number.isNaN(tokens.logprob[1]));
  assert.deepEqual([...tokens.top.keys()], [1, 2]);
  assert.deepEqual(origin?.forced, { text: '✓c' });
  const named = row(said(null, 'x'), { forced: { id: null, text: 'y' } });
  assert.equal(named.tokens.texts?.get(foreignTokenId('y')), 'y');
});

test('a score is kept, and why there is none', () => {
  const continuation = said([token(0, 'a')], 'a');
  const scored = probeRow(inputs(), continuation, { rewards: { accuracy: 1 }, reward: 1 }, null);
  assert.deepEqual([scored.reward, scored.origin?.unscored], [1, null]);
  const silent = probeRow(inputs(), continuation, { rewards: {}, reward: null }, null);
  assert.equal(silent.origin?.unscored, 'no_opinion');
  assert.equal(row(continuation).origin?.unscored, 'no_endpoint');
  assert.equal(row({ ...continuation, ended: false }).status, 'length');
});

test('token ends never break the text, whatever a server calls its tokens', () => {
  assert.deepEqual(
    codePointEnds('a€b', ['a', 'bytes:\\xe2\\x82', 'bytes:\\xac', 'b']),
    [1, 1, 2, 3],
  );
  assert.deepEqual(codePointEnds('a', ['a', '</s>']), [1, 1]);
  assert.deepEqual(codePointEnds('😀x', ['\ufffd', '\ufffd', 'x']), [0, 1, 2]);
  assert.deepEqual(codePointEnds('', []), []);
  const piece = fc.string({ unit: 'binary', maxLength: 4 });
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(piece), (text, tokens) => {
      const ends = codePointEnds(text, tokens);
      assert.equal(ends.length, tokens.length);
      assert.ok(ends.every((end, i) => end >= (ends[i - 1] ?? 0)));
      if (ends.length > 0) assert.equal(ends.at(-1), Array.from(text).length);
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 })), (tokens) => {
      let points = 0;
      const expected = tokens.map((each) => (points += Array.from(each).length));
      assert.deepEqual(codePointEnds(tokens.join(''), tokens), expected);
    }),
  );
});

test('whatever was answered can be written', () => {
  const answered = fc.record({
    id: fc.option(fc.nat(5)),
    text: fc.string({ unit: 'binary', maxLength: 3 }),
    logprob: fc.oneof(fc.constant(NaN), fc.double({ min: -50, max: 0, noNaN: true })),
  });
  const full = answered.chain((own) =>
    fc
      .array(answered, { maxLength: 7 })
      .map((top) => ({ ...own, top: top.filter(({ logprob }) => !Number.isNaN(logprob)) })),
  );
  fc.assert(
    fc.property(
      fc.string(),
      fc.option(fc.array(full)),
      fc.double(),
      (text, tokens, temperature) => {
        const probe = row(said(tokens, text), { temperature });
        encodeBatch([{ ...probe, segment_id: 2 ** 30 }], probeSchema);
      },
    ),
  );
});
