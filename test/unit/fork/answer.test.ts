import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlainError } from '../../../src/common/errors.ts';
import { readAnswer } from '../../../src/views/fork/answer.ts';

/** Answers as real servers give them, shortened. */
const legacy = {
  model: 'm',
  choices: [
    {
      text: '12',
      finish_reason: 'stop',
      logprobs: {
        tokens: ['1', '2'],
        token_logprobs: [-0.5, 1e-6],
        top_logprobs: [{ '2': -2, '1': -0.5 }, null],
        text_offset: [8, 9],
      },
      token_ids: [4, 5],
    },
  ],
};
const listed = {
  model: 'm',
  choices: [
    {
      text: '1',
      finish_reason: 'length',
      logprobs: {
        content: [
          {
            id: 4,
            token: '1',
            bytes: [49],
            logprob: -0.5,
            top_logprobs: [
              { id: 5, token: '2', bytes: [50], logprob: -2 },
              { id: 4, token: '1', bytes: [49], logprob: -0.5 },
            ],
          },
        ],
      },
    },
  ],
};

test('both ways of telling log probabilities are understood', () => {
  const [one] = readAnswer(legacy).continuations;
  assert.deepEqual(one, {
    text: '12',
    ended: true,
    exact: null,
    tokens: [
      {
        id: 4,
        text: '1',
        logprob: -0.5,
        top: [
          { id: null, text: '1', logprob: -0.5 },
          { id: null, text: '2', logprob: -2 },
        ],
      },
      { id: 5, text: '2', logprob: 0, top: [] },
    ],
  });
  const [other] = readAnswer(listed).continuations;
  assert.equal(other?.ended, false);
  assert.deepEqual(other.tokens, [
    {
      id: 4,
      text: '1',
      logprob: -0.5,
      top: [
        { id: 4, text: '1', logprob: -0.5 },
        { id: 5, text: '2', logprob: -2 },
      ],
    },
  ]);
});

test('tokens that are named by their ids read as what stands at their place', () => {
  const logprobs = {
    tokens: ['token_id:7', 'token_id:8', 'token_id:1'],
    token_logprobs: [-1, -1, -1],
    top_logprobs: [{ 'token_id:9': -0.7 }, {}, {}],
    text_offset: [0, 2, 3],
  };
  const choice = { text: 'ab✓', finish_reason: 'stop', logprobs };
  const tokens = readAnswer({ model: 'm', choices: [choice] }).continuations[0]?.tokens;
  assert.deepEqual(
    tokens?.map(({ id, text }) => [id, text]),
    [
      [7, 'ab'],
      [8, '✓'],
      [1, ''],
    ],
  );
  assert.equal(tokens[0]?.top[0]?.id, 9);
});

test('what is missing or makes no sense is left out, the text stays', () => {
  const [choice] = legacy.choices;
  const { logprobs } = choice ?? {};
  const read = (patch: object) => {
    const [first] = readAnswer({ choices: [{ ...choice, ...patch }] }).continuations;
    assert.equal(first?.text, '12');
    return first;
  };
  assert.equal(read({ logprobs: null }).tokens, null);
  assert.equal(read({ logprobs: undefined }).tokens, null);
  assert.equal(read({ logprobs: { tokens: 5 } }).tokens, null);
  assert.equal(read({ logprobs: { ...logprobs, tokens: [] } }).tokens, null);
  // As many values as tokens, or none.
  const short = read({ logprobs: { ...logprobs, token_logprobs: [-1], top_logprobs: [{}] } });
  assert.ok(short.tokens?.every(({ logprob, top }) => Number.isNaN(logprob) && top.length === 0));
  assert.ok(read({ token_ids: [4] }).tokens?.every(({ id }) => id === null));
  assert.ok(read({ token_ids: [4, -1] }).tokens?.every(({ id }) => id === null));
  const wild = read({ logprobs: { ...logprobs, token_logprobs: [3, null] } });
  assert.ok(wild.tokens?.every(({ logprob }) => Number.isNaN(logprob)));
  const uncertainty = { entropy: [1], max_prob: [1], sampled_logprob: [1] };
  assert.equal(read({ uncertainty }).exact, null);
  assert.equal(read({ uncertainty: { entropy: 'much' } }).exact, null);
});

test('what is no answer is said to be none, with what came instead', () => {
  const says = (answer: unknown, expected: RegExp) =>
    assert.throws(
      () => readAnswer(answer),
      (error: unknown) => error instanceof PlainError && expected.test(error.message),
    );
  says('<!doctype html><title>nginx</title>', /"<!doctype html>/);
  says({ error: 'no' }, /choices/);
  says({ choices: [] }, /choices/);
  says({ choices: [{ message: { content: 'chat' } }] }, /choices\.0\.text/);
  says(null, /./);
  says(undefined, /./);
  says('x'.repeat(1000), /x{80}…/);
});

test('whatever comes is read or refused with a sentence, never anything else', () => {
  const wild = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.double(),
      fc.constant(null),
      fc.boolean(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom('choices', 'text', 'logprobs', 'tokens', 'token_logprobs', 'content'),
        tie('value'),
      ),
    ),
  })).value;
  const check = (answer: unknown) => {
    try {
      for (const { tokens, text } of readAnswer(answer).continuations) {
        assert.equal(typeof text, 'string');
        for (const { logprob, top } of tokens ?? []) {
          assert.ok(Number.isNaN(logprob) || logprob <= 0);
          assert.ok(top.every((each, i) => each.logprob <= (top[i - 1]?.logprob ?? 0)));
        }
      }
    } catch (error) {
      assert.ok(error instanceof PlainError, String(error));
    }
  };
  fc.assert(fc.property(wild, check));
  const choice = fc.record({
    text: fc.string(),
    logprobs: wild,
    token_ids: wild,
    uncertainty: wild,
  });
  fc.assert(fc.property(fc.array(choice), (choices) => check({ choices })));
});
