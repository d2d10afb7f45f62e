import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import OpenAI, { APIError } from 'openai';
import { z } from 'zod';
import type { RunClient } from '../../../src/run/client.ts';
import {
  DETOKENIZE,
  REWARDS,
  TOKENIZE,
  detokenizeAnswer,
  rewardsAnswer,
  tokenizeAnswer,
} from '../../../src/run/model/endpoint.ts';
import type { SegmentSummary } from '../../../src/run/model/segment.ts';
import { appendProbes } from '../../../src/run/probes.ts';
import { RunStore } from '../../../src/run/store.ts';
import { baseModelFolder } from '../../../src/engine/prepare.ts';
import { TokenizerTexts } from '../../../src/views/tokenizer.ts';
import { sampleFork } from '../../../src/views/fork/fork.ts';
import { forkPlace } from '../../../src/views/fork/place.ts';
import { until } from '../../fixtures/run.ts';
import { near } from './records.ts';
import type { LiveRun } from './steering.ts';

/** What the endpoint beside the stream answers: of a paused run, and while it trains. */

const withIds = z.object({
  token_ids: z.array(z.number()),
  prompt_token_ids: z.array(z.number()),
});
/** Tokens of the shipped model. */
const VOCABULARY = 29;

/** The run is paused before and after. */
export async function asking(t: TestContext, live: LiveRun, client: RunClient): Promise<void> {
  const { ready, tested, directory } = live;
  const { prompt } = tested;
  const openai = new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: ready.token, maxRetries: 0 });
  const model = (await openai.models.list()).data[0]?.id ?? '';
  const ask = (about: string | string[] | number[], more: object = {}) =>
    openai.completions.create({ model, prompt: about, max_tokens: 40, logprobs: 3, ...more });
  const post = async (path: string, request: object) => {
    const authorization = `Bearer ${ready.token}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await fetch(`${ready.url}${path}`, {
      ...{ method: 'POST', headers, body: JSON.stringify(request) },
    });
    const body: unknown = await answer.json();
    return { status: answer.status, body };
  };

  await t.test('the policy answers the openai client, with what it thought', async () => {
    const sampled = await ask(prompt, { n: 3, seed: 5 });
    assert.equal(sampled.choices.length, 3);
    for (const { text, logprobs, finish_reason } of sampled.choices) {
      assert.ok(logprobs?.tokens && logprobs.token_logprobs && logprobs.top_logprobs);
      assert.equal(logprobs.tokens.join(''), text);
      assert.ok(['stop', 'length'].includes(finish_reason));
      logprobs.token_logprobs.forEach((logprob, i) => {
        const top = logprobs.top_logprobs?.[i] ?? {};
        const best = Math.max(...Object.values(top));
        assert.ok(logprob <= best && best <= 0 && best >= Math.log(1 / VOCABULARY));
        assert.equal(top[logprobs.tokens?.[i] ?? ''], logprob);
      });
    }
    // Two tokens without a text of their own (the end, the filling) have one name, but two ids.
    const named = await ask(prompt, { seed: 5, return_tokens_as_token_ids: true });
    for (const top of named.choices[0]?.logprobs?.top_logprobs ?? []) {
      assert.ok(Object.keys(top).length >= 3);
      assert.ok(Object.keys(top).every((each) => /^token_id:\d+$/.test(each)));
    }
    assert.ok((sampled.usage?.completion_tokens ?? 0) > 0);
    const [again, once] = await Promise.all([1, 2].map(() => ask(prompt, { seed: 11 })));
    assert.deepEqual(again?.choices, once?.choices, 'a seed says it all');
    const many = await ask([prompt, prompt], { temperature: 0, n: 2 });
    assert.equal(many.choices.length, 4);
    assert.equal(new Set(many.choices.map(({ text }) => text)).size, 1, 'temperature 0 is greedy');
  });

  await t.test('a continuation of its own ids is the one it began', async () => {
    const greedy = { temperature: 0, return_token_ids: true };
    const whole = (await ask(prompt, greedy)).choices[0];
    const { prompt_token_ids, token_ids } = withIds.parse(whole);
    const rest = await ask([...prompt_token_ids, ...token_ids.slice(0, 4)], { temperature: 0 });
    assert.equal(`${whole?.text.slice(0, 4) ?? ''}${rest.choices[0]?.text ?? ''}`, whole?.text);
    const tokenized = tokenizeAnswer.parse((await post(TOKENIZE, { prompt })).body);
    assert.deepEqual(tokenized.tokens, prompt_token_ids);
    const read = await post(DETOKENIZE, { tokens: tokenized.tokens });
    assert.equal(detokenizeAnswer.parse(read.body).prompt, prompt);
  });

  await t.test('what makes no sense is refused in a sentence', async () => {
    const wrong: [string | string[] | number[], object, number, RegExp][] = [
      ['', {}, 400, /prompt/i],
      [prompt, { model: 'gpt-4' }, 404, /There is no model .gpt-4. here/],
      [prompt, { top_p: 0.5 }, 400, /top_p/],
      [prompt, { max_tokens: -1 }, 400, /max_tokens/],
      [prompt, { n: 0 }, 400, /`n`/],
      [prompt, { temperature: 'warm' }, 400, /temperature/],
      [[4000], {}, 400, /There is no token 4000/],
      ['1'.repeat(300), {}, 400, /256/],
      [Array<string>(300).fill('1'.repeat(250)), { max_tokens: 1 }, 400, /65536/],
    ];
    for (const [about, more, status, words] of wrong) {
      await assert.rejects(ask(about, more), (error) => {
        assert.ok(error instanceof APIError);
        assert.equal(error.status, status, error.message);
        assert.match(error.message, words);
        return true;
      });
    }
    assert.equal((await post(TOKENIZE, {})).status, 400);
    assert.equal((await post(DETOKENIZE, { tokens: ['a'] })).status, 400);
    assert.equal((await post(REWARDS, { prompt_id: 'none', completions: ['1'] })).status, 404);
    assert.equal((await post(REWARDS, { completions: ['1'] })).status, 400);
  });

  const store = await RunStore.open(directory);
  t.after(() => store.dispose());

  await t.test('the run scores what it has recorded as it did when it trained', async () => {
    let compared = 0;
    for (const { step, prompt_id } of store.groups().slice(0, 4)) {
      const roots = store.tree(step, prompt_id).filter(isWholeRoot);
      const tokens = await Promise.all(roots.map((root) => store.tokens(root.segment_id)));
      if (roots.length === 0) continue;
      const asked = [tokens.map(({ text }) => text), tokens.map(({ token_ids }) => [...token_ids])];
      for (const completions of asked) {
        const { body } = await post(REWARDS, { prompt_id, completions });
        const { data } = rewardsAnswer.parse(body);
        data.forEach(({ rewards, reward }, i) => {
          assert.deepEqual(rewards, roots[i]?.rewards, `${prompt_id}, ${i}`);
          near(reward ?? NaN, roots[i]?.reward ?? NaN, prompt_id);
          compared += 1;
        });
      }
    }
    assert.ok(compared > 0);
  });

  await t.test('it is forked where somebody wants, and training never sees it', async () => {
    const { url, token } = ready;
    const own = { name: 'own', baseUrl: `${url}/v1`, apiKey: token, model: '', own: true };
    const sources = { sampler: own, origin: { source: 'live' as const, name: '' }, own };
    const texts = new TokenizerTexts();
    await texts.read([baseModelFolder()]);
    const warn = (message: string) => assert.fail(message);
    const tools = { textOf: (id: number) => texts.textOf(id), timeoutMs: 30_000, warn };
    const trees = store.groups().map(({ step, prompt_id }) => store.tree(step, prompt_id));
    const leaf = trees.flat().find(isWholeRoot);
    assert.ok(leaf, 'the run has a finished completion');
    const place = await forkPlace(store, leaf.segment_id, 3);
    const request = { place, n: 3, temperature: 1.3, max_tokens: 20, forced: null };
    const signal = new AbortController().signal;
    const rows = await sampleFork(request, sources, tools, signal);
    // While it trains an answer waits for the end of a step.
    await client.command('resume');
    rows.push(...(await sampleFork({ ...request, forced: 12 }, sources, tools, signal)));
    await client.command('pause');
    const kept = await appendProbes(directory, rows);
    assert.equal(kept.length, 6);
    await until('they are in the tree', () => {
      const tree = store.tree(leaf.step, leaf.prompt_id);
      return kept.every(({ segment_id }) => tree.some((each) => each.segment_id === segment_id));
    });
    for (const [i, { origin, tokens, rewards, reward }] of kept.entries()) {
      assert.deepEqual(
        [origin?.uncertainty, origin?.logprob, origin?.unscored],
        ['exact', 'sampled', null],
      );
      assert.deepEqual(Object.keys(rewards ?? {}).sort(), Object.keys(leaf.rewards ?? {}).sort());
      assert.equal(typeof reward, 'number');
      const own = i < 3 ? 0 : 1;
      assert.ok(tokens.entropy.subarray(own).every((value) => value >= 0 && value < 4));
      assert.ok(tokens.token_ids.every((id) => id >= 0 && id < VOCABULARY));
      if (own === 1) assert.equal(tokens.text[0], '9');
    }
  });
}

const isWholeRoot = ({ kind, status }: SegmentSummary): boolean =>
  kind === 'root' && status === 'complete';
