import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PlainError } from '../../../../src/common/errors.ts';
import { answerOf, referenceOf } from '../../../../src/engine/tasks/answer.ts';
import { openTask } from '../../../../src/engine/tasks/index.ts';
import type { JsonlOptions } from '../../../../src/engine/tasks/jsonl.ts';

let folder = '';
before(async () => (folder = await mkdtemp(join(tmpdir(), 'jsonl-'))));
after(() => rm(folder, { recursive: true }));

const letters: JsonlOptions = { promptColumn: 'prompt', unknownCharacter: () => null };

async function open(content: string, options = letters) {
  const path = join(folder, 'data.jsonl');
  await writeFile(path, content);
  return openTask(path, options);
}

const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => `{"prompt":"${i}+1=","answer":${i + 1}}\n`).join('');

function refuses(content: string, message: RegExp, options = letters) {
  return assert.rejects(open(content, options), (error) => {
    assert.ok(error instanceof PlainError);
    assert.match(error.message, message);
    assert.notEqual(error.next, '');
    return true;
  });
}

test('a data set is split, shuffled for each pass, and the same for a seed', async () => {
  const task = await open(rows(50));
  const heldOut = task.heldOut(100).map(({ prompt }) => prompt);
  assert.equal(heldOut.length, 5);
  const pass = (seed: number, number: number) =>
    Array.from({ length: 45 }, (_, i) => task.train(seed, number * 45 + i).prompt);
  assert.equal(new Set([...pass(1, 0), ...heldOut]).size, 50);
  assert.equal(new Set([...pass(1, 1), ...heldOut]).size, 50);
  assert.notDeepEqual(pass(1, 0), pass(1, 1));
  assert.notDeepEqual(pass(1, 0), pass(2, 0));
  assert.deepEqual(pass(1, 1), pass(1, 1));
});

test('a file of many read-ahead blocks keeps every line whole', async () => {
  const task = await open(rows(20_000));
  const prompts = Array.from({ length: 18_000 }, (_, i) => task.train(0, i).prompt);
  assert.equal(new Set([...prompts, ...task.heldOut(1e6).map((each) => each.prompt)]).size, 20_000);
});

test('the split does not depend on the order of the lines', async () => {
  const names = async (content: string) =>
    (await open(content)).heldOut(100).map(({ prompt }) => prompt);
  const reversed = rows(50).trimEnd().split('\n').reverse().join('\n');
  assert.deepEqual(await names(rows(50)), await names(reversed));
});

test('byte order mark, Windows line ends, blank lines and repeated lines are fine', async () => {
  const task = await open(
    '\uFEFF{"prompt":"a","answer":"1"}\r\n\r\n{"prompt":"b","answer":"#### 2","id":"second"}\r\n{"prompt":"a","answer":"1.0"}',
  );
  const all = [task.train(0, 0), ...task.heldOut(9)];
  assert.deepEqual(all.map(({ id }) => id).sort(), ['line 1', 'second']);
});

test('answers are compared as numbers where they are numbers', async () => {
  const task = await open(
    '{"prompt":"a","answer":"work <<6*3=18>>\\n#### 1,018"}\n{"prompt":"b","answer":"x"}',
  );
  const problem = [task.train(0, 0), ...task.heldOut(9)].find(({ prompt }) => prompt === 'a');
  assert.ok(problem);
  for (const right of ['so #1018', '\\boxed{\\$1,018.00}', 'it is 1018.', 'costs $1,018']) {
    const text = right.replace('\\$', '$');
    assert.ok(task.verify(problem, text), text);
  }
  for (const wrong of ['1018 or 1019', '#10180', '', '#', '\\boxed{}', '10 18', '#-1018']) {
    assert.ok(!task.verify(problem, wrong), wrong);
  }
  assert.ok(task.wellFormed(problem, '#12') && task.wellFormed(problem, '\\boxed{1}'));
  assert.ok(!task.wellFormed(problem, '12') && !task.wellFormed(problem, '#'));
});

test('answers keep every digit', () => {
  const digits = '123456789012345678901234567890';
  assert.equal(answerOf(`#0${digits}.50`), `${digits}.5`);
  assert.equal(answerOf('-0.0'), '0');
  assert.equal(answerOf('#-007'), '-7');
  assert.equal(referenceOf('  $1,200 '), '1200');
  assert.equal(referenceOf('\\boxed{\\frac{1}{2}}'), '\\frac{1}{2}');
  assert.equal(answerOf('٣'), null);
  assert.equal(answerOf('#'.repeat(100_000)), null);
  assert.equal(answerOf(`${'-'.repeat(100_000)}${'9,'.repeat(100_000)}`)?.length, 100_001);
});

test('broken lines are named', async () => {
  await refuses(`${rows(2)}{"prompt":"x`, /Line 3 of .*data\.jsonl .*not JSON/);
  await refuses(`\n${rows(1)}[1]\n`, /Line 3 .*not a JSON object/);
  await refuses(`${rows(1)}null\n`, /Line 2 .*not a JSON object/);
  await refuses(`${rows(1)}{"question":"x","answer":"1"}`, /Line 2 .*`prompt`/);
  await refuses(`${rows(1)}{"prompt":7,"answer":"1"}`, /Line 2 .*`prompt`/);
  await refuses(`${rows(1)}{"prompt":"","answer":"1"}`, /Line 2 .*`prompt`/);
  await refuses(`${rows(1)}{"prompt":"x"}`, /Line 2 .*`answer`/);
  await refuses(`${rows(1)}{"prompt":"x","answer":" "}`, /Line 2 .*`answer` is empty/);
  await refuses(`${rows(1)}{"prompt":"x","answer":null}`, /Line 2 .*`answer`/);
  await refuses(`${rows(2)}{"prompt":"0+1=","answer":5}`, /Line 3 .*line 1 with another answer/);
});

test('an empty file, one prompt and a missing file are refused', async () => {
  await refuses('', /no problems/);
  await refuses(' \n\n', /no problems/);
  await refuses(rows(1), /only one prompt/);
  await assert.rejects(openTask(join(folder, 'none.jsonl'), letters), PlainError);
  await assert.rejects(openTask(folder, letters), PlainError);
});

test('another prompt column is read', async () => {
  const content = '{"problem":"a","answer":1}\n{"problem":"b","answer":2}';
  const task = await open(content, { ...letters, promptColumn: 'problem' });
  assert.equal(task.heldOut(5).length, 1);
});

test('a character the tokenizer does not know is named with its line', async () => {
  const digits = {
    promptColumn: 'prompt',
    unknownCharacter: (text: string) => /[^\d+=]/u.exec(text)?.[0] ?? null,
  };
  await refuses(`${rows(3)}{"prompt":"1²","answer":1}`, /Line 4 .*“²” \(U\+00B2\)/, digits);
  await refuses(`${rows(3)}{"prompt":"1\\u202e","answer":1}`, /Line 4 .* U\+202E/, digits);
  await refuses(`${rows(3)}{"prompt":"\\ud800","answer":1}`, /Line 4 .* U\+D800/, digits);
});
