import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import OpenAI, { APIError } from 'openai';
import { z } from 'zod';
import { RunClient } from '../../../src/run/client.ts';
import { RunStore } from '../../../src/run/store.ts';
import { Engine, eventsOf, recipeFile, runEngine, temporaryFolder, untilEvent } from './support.ts';

const withIds = z.object({
  token_ids: z.array(z.number()),
  prompt_token_ids: z.array(z.number()),
});

async function serve(t: TestContext, ...extra: string[]) {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const directory = join(folder, 'run');
  const engine = new Engine(['--serve', recipe, '--output_dir', directory, ...extra]);
  t.after(() => engine.kill());
  const ready = await engine.ready();
  return { engine, ready, directory, folder, recipe };
}

async function connected(t: TestContext, url: string, token: string, mirror: string | null) {
  const client = new RunClient({ url, token, mirror });
  t.after(() => client.dispose());
  while (client.state.kind !== 'connected') {
    assert.notEqual(client.state.kind, 'refused');
    await new Promise((resolve) => client.onDidChangeState(resolve));
  }
  return client;
}

test('a run is steered over its stream: every command is answered, logged and does what it says', async (t) => {
  const { engine, ready, directory, folder } = await serve(t, '--max_steps', '1000');
  assert.equal(ready.run_directory, directory);
  assert.equal(ready.pid, engine.child.pid);
  const mirror = join(folder, 'mirror');
  const client = await connected(t, ready.url, ready.token, mirror);

  assert.equal((await client.command('pause')).outcome, 'applied');
  await untilEvent(engine, directory, ({ type }) => type === 'run_paused');
  const store = await RunStore.open(directory);
  t.after(() => store.dispose());
  assert.equal(store.status.kind, 'paused');
  const stepsSoFar = async () =>
    (await eventsOf(directory)).filter(({ type }) => type === 'step').length;
  const before = await stepsSoFar();
  assert.equal((await client.command('step', { count: 2 })).outcome, 'applied');
  await untilEvent(
    engine,
    directory,
    (event) => event.type === 'step' && event.step === before + 2,
  );

  const set = await client.command('set', { uncertainty_threshold: 0.5, learning_rate: 0.002 });
  assert.equal(set.message, 'uncertainty_threshold: 0.7 → 0.5, learning_rate: 0.001 → 0.002.');
  const refused = await client.command('set', { num_generations: 2 });
  assert.equal(refused.outcome, 'refused');
  assert.match(refused.message, /cannot be changed while a run goes on/);
  assert.match((await client.command('checkpoint')).message, /checkpoints\/step-\d+/);
  assert.equal(await stepsSoFar(), before + 2);
  assert.equal((await client.command('resume')).outcome, 'applied');
  await untilEvent(
    engine,
    directory,
    (event) => event.type === 'step' && event.step === before + 4,
  );
  assert.equal((await client.command('stop')).outcome, 'applied');
  const ended = await engine.ended;
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stdout.trim().split('\n').length, 1, 'stdout is one line');

  const events = await eventsOf(directory);
  const logged = events.flatMap((event) =>
    event.type === 'command' ? [`${event.command} ${event.outcome}`] : [],
  );
  assert.deepEqual(logged, [
    ...['pause applied', 'step applied', 'set applied', 'set refused'],
    ...['checkpoint applied', 'resume applied', 'stop applied'],
  ]);
  const last = events.findLast((event) => event.type === 'step');
  assert.ok(last?.type === 'step' && last.metrics.learning_rate === 0.002);
  await client.stopped;
  // What was seen from afar is, byte for byte, what was written.
  for (const file of ['events.jsonl', 'rollouts.arrows']) {
    assert.ok((await readFile(join(mirror, file))).equals(await readFile(join(directory, file))));
  }
});

test('values that were set go on to hold after a resume', async (t) => {
  const { engine, ready, directory, recipe } = await serve(t, '--max_steps', '1000');
  const client = await connected(t, ready.url, ready.token, null);
  assert.equal((await client.command('set', { temperature: 1.5 })).outcome, 'applied');
  assert.equal((await client.command('stop')).outcome, 'applied');
  assert.equal((await engine.ended).code, 0);
  const resume = ['--output_dir', directory, '--resume_from_checkpoint', 'true'];
  const again = new Engine(['--serve', recipe, ...resume, '--max_steps', '1000']);
  t.after(() => again.kill());
  await again.ready();
  const store = await RunStore.open(directory);
  assert.equal(store.manifest.recipe.temperature, 1.5);
  store.dispose();
});

test('the current policy answers the openai client, while it trains and while it is paused', async (t) => {
  const { ready, engine, directory } = await serve(t, '--max_steps', '1000');
  const openai = new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: ready.token, maxRetries: 0 });
  const models = await openai.models.list();
  const model = models.data[0]?.id ?? '';
  assert.equal(model, 'small');
  const ask = (prompt: string | string[] | number[], more: object = {}) =>
    openai.completions.create({ model, prompt, max_tokens: 40, logprobs: 3, ...more });

  const sampled = await ask('12+3*4=', { n: 3, seed: 5 });
  assert.equal(sampled.choices.length, 3);
  for (const { text, logprobs, finish_reason } of sampled.choices) {
    assert.ok(logprobs?.tokens && logprobs.token_logprobs && logprobs.top_logprobs);
    assert.equal(logprobs.tokens.join(''), text);
    assert.ok(['stop', 'length'].includes(finish_reason));
    logprobs.token_logprobs.forEach((logprob, i) => {
      const top = logprobs.top_logprobs?.[i] ?? {};
      const best = Math.max(...Object.values(top));
      assert.ok(logprob <= best && best <= 0 && best >= Math.log(1 / 29));
      assert.ok(Object.keys(top).length >= 3);
      assert.equal(top[logprobs.tokens?.[i] ?? ''], logprob);
    });
  }
  assert.ok((sampled.usage?.completion_tokens ?? 0) > 0);

  const client = await connected(t, ready.url, ready.token, null);
  await client.command('pause');
  await untilEvent(engine, directory, ({ type }) => type === 'run_paused');
  const greedy = await ask('12+3*4=', { temperature: 0 });
  const again = await ask('12+3*4=', { temperature: 0 });
  assert.equal(greedy.choices[0]?.text, again.choices[0]?.text);
  const seeded = await Promise.all([1, 2].map(() => ask('12+3*4=', { seed: 11 })));
  assert.deepEqual(seeded[0]?.choices, seeded[1]?.choices);
  // Fork from a token: the prompt and a prefix as ids, so that no text is tokenized anew.
  const ids = await ask('12+3*4=', { temperature: 0, return_token_ids: true });
  const { prompt_token_ids, token_ids } = withIds.parse(ids.choices[0]);
  const prompt = [...prompt_token_ids, ...token_ids.slice(0, 4)];
  const forked = await ask(prompt, { temperature: 0 });
  assert.equal(
    `${ids.choices[0]?.text.slice(0, 4) ?? ''}${forked.choices[0]?.text ?? ''}`,
    ids.choices[0]?.text,
  );
  const stopped = await ask('12+3*4=', { temperature: 0, stop: '\n' });
  assert.equal(stopped.choices[0]?.text, greedy.choices[0]?.text.split('\n')[0]);
  assert.equal(stopped.choices[0]?.finish_reason, 'stop');

  const wrong: [string | string[] | number[], object, number, RegExp][] = [
    ['', {}, 400, /prompt/],
    ['1+1=', { model: 'gpt-4' }, 404, /There is no model "gpt-4" here, only small/],
    ['1+1=', { top_p: 0.5 }, 400, /top_p/],
    ['1+1=', { max_tokens: -1 }, 400, /max_tokens/],
    ['1+1=', { n: 128, max_tokens: 100000 }, 200, /^$/],
    ['∑', {}, 400, /∑|vocabulary|write/],
    [[4000], {}, 400, /There is no token 4000/],
    ['1'.repeat(300), {}, 400, /A prompt has 300 tokens; the model takes 256/],
    [Array<string>(300).fill('1'.repeat(250)), { max_tokens: 1 }, 400, /more than 65536 tokens/],
  ];
  for (const [prompt, more, status, words] of wrong) {
    if (status === 200) {
      await ask(prompt, more);
      continue;
    }
    await assert.rejects(ask(prompt, more), (error) => {
      assert.ok(error instanceof APIError);
      assert.equal(error.status, status, error.message);
      assert.match(error.message, words);
      return true;
    });
  }
  const stranger = new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (error) => {
    return error instanceof APIError && error.status === 401;
  });
});

test('watching, pausing and asking change nothing about the training', async (t) => {
  const six = ['--max_steps', '6'];
  const { engine, ready, directory, folder, recipe } = await serve(t, ...six);
  const client = await connected(t, ready.url, ready.token, join(folder, 'mirror'));
  const openai = new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: ready.token, maxRetries: 0 });
  await client.command('pause');
  for (let step = 0; step < 3; step++) {
    await openai.completions.create({ model: 'small', prompt: '1+2*3=', n: 5 });
    await client.command('step');
  }
  await client.command('resume');
  const ended = await engine.ended;
  assert.equal(ended.code, 0, ended.stderr);

  const alone = join(folder, 'alone');
  assert.equal((await runEngine([recipe, '--output_dir', alone, ...six])).code, 0);
  for (const file of ['rollouts.arrows', join('checkpoints', 'step-6', 'model.safetensors')]) {
    assert.ok(
      (await readFile(join(alone, file))).equals(await readFile(join(directory, file))),
      file,
    );
  }
});
