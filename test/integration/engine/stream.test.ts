import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import OpenAI from 'openai';
import { Engine, recipeFile, temporaryFolder } from './support.ts';

test('what only this endpoint does: words to stop at, and many long completions at once', async (t) => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  // A policy that doesn't learn gives the same answer twice.
  const still = ['--max_steps', '1000', '--learning_rate', '1e-12'];
  const engine = new Engine(['--serve', recipe, '--output_dir', join(folder, 'run'), ...still]);
  t.after(() => engine.kill());
  const { url, token } = await engine.ready();
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
  const model = (await openai.models.list()).data[0]?.id ?? '';
  assert.equal(model, 'small');
  const asked = { model, prompt: '12+3*4=', max_tokens: 40, temperature: 0, seed: 1 };
  const whole = await openai.completions.create(asked);
  const stopped = await openai.completions.create({ ...asked, stop: '\n' });
  assert.equal(stopped.choices[0]?.text, whole.choices[0]?.text.split('\n')[0]);
  assert.equal(stopped.choices[0]?.finish_reason, 'stop');
  const many = await openai.completions.create({ ...asked, n: 128, max_tokens: 100_000 });
  assert.equal(many.choices.length, 128);
});
