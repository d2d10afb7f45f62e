import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { TokenizerTexts, checkpointFolders } from '../../../src/views/tokenizer.ts';

const base = fileURLToPath(new URL('../../../media/base', import.meta.url));

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('ids have the texts of the run’s tokenizer', async () => {
  const file: unknown = JSON.parse(await readFile(join(base, 'tokenizer.json'), 'utf8'));
  const { model } = z
    .object({ model: z.object({ vocab: z.record(z.string(), z.number()) }) })
    .parse(file);
  const texts = new TokenizerTexts();
  assert.equal(texts.textOf(model.vocab['7'] ?? -1), null);
  await texts.read([join(base, 'nowhere'), base]);
  for (const text of ['7', '+', '=']) assert.equal(texts.textOf(model.vocab[text] ?? -1), text);
  assert.equal(texts.textOf(10_000_000), null);
});

test('a broken or missing tokenizer leaves texts unknown', async (t) => {
  const folder = await temporary(t);
  await writeFile(join(folder, 'tokenizer.json'), '{"model": 7');
  const texts = new TokenizerTexts();
  await texts.read([folder]);
  assert.equal(texts.textOf(1), null);
});

test('the newest checkpoint comes first', async (t) => {
  const folder = await temporary(t);
  assert.deepEqual(await checkpointFolders(folder), []);
  for (const name of ['step-50', 'step-200', 'step-9']) {
    await mkdir(join(folder, 'checkpoints', name), { recursive: true });
  }
  assert.deepEqual(
    (await checkpointFolders(folder)).map((path) => path.slice(folder.length + 13)),
    ['step-200', 'step-50', 'step-9'],
  );
});
