import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCheckpoint } from '../../../../src/engine/compute/index.ts';
import { baseModelFolder } from '../../../../src/engine/prepare.ts';
import { openScorer } from '../../../../src/engine/rewards/index.ts';
import { KnownProblems, rewardRoutes } from '../../../../src/engine/rewards/route.ts';
import { arithmetic, type Task } from '../../../../src/engine/tasks/index.ts';
import { rewardsAnswer } from '../../../../src/run/model/endpoint.ts';
import { HttpError } from '../../../../src/run/server.ts';

const { tokenizer, config } = await loadCheckpoint(baseModelFolder());
const scorer = openScorer(arithmetic, ['accuracy', 'format'], [1, 0.5]);

async function ask(problems: KnownProblems, body: unknown) {
  const route = rewardRoutes(problems, scorer, tokenizer, config.vocab_size)['POST /v1/rewards'];
  assert.ok(route);
  return rewardsAnswer.parse(await route({ body, signal: new AbortController().signal })).data;
}

async function status(problems: KnownProblems, body: unknown): Promise<number> {
  try {
    await ask(problems, body);
    return 200;
  } catch (error) {
    assert.ok(error instanceof HttpError);
    return error.status;
  }
}

test('completions are scored as texts and as ids, by the run’s functions and weights', async () => {
  const problems = new KnownProblems(arithmetic, 3, 10);
  const { id, prompt, answer } = arithmetic.train(3, 4);
  const right = `1+1=2\n#${answer}`;
  const texts = await ask(problems, { prompt_id: id, prompt, completions: [right, '#no', ''] });
  assert.deepEqual(texts, [
    { rewards: { accuracy: 1, format: 1 }, reward: 1.5 },
    { rewards: { accuracy: 0, format: 0 }, reward: 0 },
    { rewards: { accuracy: 0, format: 0 }, reward: 0 },
  ]);
  const ids = Array.from(tokenizer.encode(right));
  const [same] = await ask(problems, { prompt_id: id, completions: [ids] });
  assert.deepEqual(same, texts[0]);
});

test('problems of any age are found, and no others', async () => {
  let drawn = 0;
  const counting: Task = {
    ...arithmetic,
    train: (seed, index) => {
      drawn++;
      return arithmetic.train(seed, index);
    },
  };
  const problems = new KnownProblems(counting, 3, 5000);
  const { id } = arithmetic.train(3, 4999);
  assert.equal(problems.find(id)?.id, id);
  const before = drawn;
  assert.equal(problems.find(id)?.id, id);
  assert.equal(drawn, before + 1, 'looked for once; only its index is kept');
  const later = problems.noted.train(3, 1_000_000);
  assert.deepEqual(problems.find(later.id), later);
  assert.equal(problems.find('no such problem'), null);
  assert.ok(drawn < 7000, 'the search ends');
  const another = { prompt_id: id, prompt: 'something else', completions: [] };
  assert.equal(await status(problems, another), 404);
  assert.equal(await status(problems, { prompt_id: 'unknown', completions: [''] }), 404);
});

test('what is no request is refused', async () => {
  const problems = new KnownProblems(arithmetic, 3, 10);
  const { id } = arithmetic.train(3, 0);
  const bad: unknown[] = [
    undefined,
    {},
    { prompt_id: id },
    { prompt_id: id, completions: 'x' },
    { prompt_id: id, completions: [[-1]] },
    { prompt_id: id, completions: [[1.5]] },
    { prompt_id: id, completions: [[config.vocab_size]] },
    { prompt_id: id, completions: Array.from({ length: 2000 }, () => '') },
  ];
  for (const body of bad) assert.equal(await status(problems, body), 400, JSON.stringify(body));
});
