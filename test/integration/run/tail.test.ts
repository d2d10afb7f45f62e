import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { FileTail } from '../../../src/run/tail.ts';

let folder = '';
let seen = '';
let tail: FileTail | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-tail-'));
  seen = '';
});
afterEach(async () => {
  tail?.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function until(expected: string): Promise<void> {
  for (let i = 0; seen !== expected && i < 200; i++) await new Promise((r) => setTimeout(r, 50));
  assert.equal(seen, expected);
}

test('a file is told as it grows, from before it is there, and anew once it was cut', async () => {
  const path = join(folder, 'x.log');
  tail = new FileTail(path, (text) => (seen += text));
  const bytes = new TextEncoder().encode('grün\n');
  await writeFile(path, bytes.subarray(0, 3));
  await until('gr');
  await appendFile(path, bytes.subarray(3));
  await until('grün\n');
  await writeFile(path, 'new\n');
  await until('grün\nnew\n');
});

test('of a long file, the end is told', async () => {
  const path = join(folder, 'x.log');
  await writeFile(path, `${'x'.repeat(1_500_000)}end`);
  tail = new FileTail(path, (text) => (seen += text));
  await until(`${'x'.repeat(999_997)}end`);
});
