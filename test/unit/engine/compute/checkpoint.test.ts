import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  loadCheckpoint,
  loadOptimizer,
  saveCheckpoint,
  type Checkpoint,
} from '../../../../src/engine/compute/checkpoint.ts';
import { parseModelConfig } from '../../../../src/engine/compute/config.ts';
import { fromHalf, roundHalf, toHalf } from '../../../../src/run/arrow/half.ts';
import { SafetensorsFile, writeSafetensors } from '../../../../src/engine/compute/safetensors.ts';
import { oracleFolder } from './oracle.ts';

const source = `${oracleFolder}/tied`;
let scratch: string;
let original: Checkpoint;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'adaptive-grpo-checkpoint-'));
  original = await loadCheckpoint(source);
});
after(() => rm(scratch, { recursive: true, force: true }));

/** A copy of the oracle's checkpoint with one file changed. */
async function changed(name: string, change: (content: Buffer) => string | Uint8Array) {
  const folder = await mkdtemp(join(scratch, 'changed-'));
  await cp(source, folder, { recursive: true });
  await writeFile(join(folder, name), change(await readFile(join(folder, name))));
  return folder;
}

/** Changes keys of a JSON file. */
const keys = (changes: object) => (content: Buffer) =>
  JSON.stringify(Object.assign(Object(JSON.parse(content.toString())), changes));

const refuses = (folder: string, message: RegExp) =>
  assert.rejects(loadCheckpoint(folder), (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.equal(error.name, 'PlainError');
    assert.match(error.message, message);
    return true;
  });

test('what transformers saved is read, saved and read again', async () => {
  const { config, weights, tokenizer } = original;
  assert.equal(config.rope_theta, 5000);
  assert.equal(config.head_dim, 8);
  assert.deepEqual(config.eos_token_ids, [1]);
  assert.equal(tokenizer.decode(tokenizer.encode('the cat')), 'the cat');

  const folder = join(scratch, 'nested', 'saved');
  const optimizer = { exp_avg: weights.map((w) => w / 2), exp_avg_sq: weights.map((w) => w * w) };
  await saveCheckpoint(folder, original, {
    optimizer: { ...optimizer, step: 7 },
    extra: { 'state.json': '{}' },
  });
  const again = await loadCheckpoint(folder);
  assert.deepEqual(again.weights, weights);
  assert.deepEqual(again.config, config);
  assert.deepEqual(again.files, original.files);
  assert.deepEqual(await loadOptimizer(folder, config), { ...optimizer, step: 7 });
  assert.equal(await readFile(join(folder, 'state.json'), 'utf8'), '{}');
  assert.equal(await loadOptimizer(source, config), null);

  // A checkpoint of the same name is replaced whole, and nothing is left lying about.
  await saveCheckpoint(folder, { ...original, weights: weights.map((w) => -w) });
  assert.equal((await loadCheckpoint(folder)).weights[3], -(weights[3] ?? 0));
  assert.equal(await loadOptimizer(folder, config), null);
  assert.deepEqual(await readdir(join(scratch, 'nested')), ['saved']);
});

test('half precision rounds to the nearest, and halves the file', async () => {
  const folder = join(scratch, 'half');
  await saveCheckpoint(folder, original, { format: 'F16' });
  const read = await loadCheckpoint(folder);
  assert.deepEqual(read.weights, original.weights.map(roundHalf));
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromHalf(bits);
    if (Number.isNaN(value)) continue;
    assert.equal(toHalf(value), bits);
    // Half-way to the next one goes to the even one, a little more than half-way up.
    const next = fromHalf(bits + 1);
    if ((bits & 0x7c00) === 0x7c00 || !Number.isFinite(next)) continue;
    assert.equal(toHalf((value + next) / 2), bits + (bits & 1));
    assert.equal(toHalf(value + (next - value) * 0.51), bits + 1);
  }
  assert.equal(roundHalf(70000), Infinity);
  assert.equal(roundHalf(-1e-9), -0);
});

test('bfloat16 is read', () => {
  const values = Float32Array.of(1, -2.5, 0.15625);
  const bits = new Uint16Array(new Uint32Array(values.buffer).map((all) => all >>> 16));
  const header = { w: { dtype: 'BF16', shape: [3], data_offsets: [0, 6] } };
  const file = new SafetensorsFile(assemble(header, new Uint8Array(bits.buffer)), 'x');
  assert.deepEqual(file.read('w', [3]), values);
});

test('a missing file is named', async () => {
  for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) {
    const folder = await changed(name, (content) => content);
    await rm(join(folder, name));
    await refuses(folder, new RegExp(`${name} is missing`));
  }
  await refuses(join(scratch, 'nowhere'), /config\.json is missing/);
  await refuses(join(source, 'config.json'), /config\.json is missing/);
});

test('weights that are broken, cut short or not finite are refused', async () => {
  const size = (await readFile(join(source, 'model.safetensors'))).length;
  for (const length of [0, 5, 100, size - 1]) {
    const folder = await changed('model.safetensors', (content) => content);
    await truncate(join(folder, 'model.safetensors'), length);
    await refuses(folder, /model\.safetensors is not a readable safetensors file/);
  }
  const huge = new Uint8Array(16).fill(0xff);
  await refuses(await changed('model.safetensors', () => huge), /header would have/);
  await refuses(
    await changed('model.safetensors', () => assemble('not json', new Uint8Array())),
    /header is not JSON/,
  );
  await refuses(
    await changed('model.safetensors', () => assemble({ a: { dtype: 'F32' } }, new Uint8Array())),
    /entry of a is malformed/,
  );
  const wrongSize = { a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } };
  await refuses(
    await changed('model.safetensors', () => assemble(wrongSize, new Uint8Array(4))),
    /a has 4 bytes for 2 numbers/,
  );
  const folder = await changed('model.safetensors', (content) => {
    content.writeFloatLE(NaN, content.length - 8);
    return content;
  });
  await refuses(folder, /not finite/);
});

test('weights that do not fit config.json are refused', async () => {
  const name = 'model.norm.weight';
  const with_ = (dtype: string, shape: number[], bytes: number) =>
    assemble({ [name]: { dtype, shape, data_offsets: [0, bytes] } }, new Uint8Array(bytes));
  const file = (bytes: Uint8Array) => new SafetensorsFile(bytes, 'x.safetensors');
  assert.throws(() => file(with_('I64', [4], 32)).read(name, [4]), { message: /type I64/ });
  assert.throws(() => file(with_('F32', [4], 16)).read(name, [2, 2]), { message: /\[2, 2\]/ });
  await refuses(
    await changed('config.json', keys({ intermediate_size: 41 })),
    /gate_proj\.weight has the shape \[40, 24\], config\.json asks for \[41, 24\]/,
  );
  await refuses(
    await changed('config.json', keys({ num_hidden_layers: 3 })),
    /no tensor .*layers\.2/,
  );
  await refuses(
    await changed('config.json', keys({ tie_word_embeddings: false })),
    /no tensor lm_head\.weight/,
  );
});

test('a vocabulary that does not match the tokenizer is refused', async () => {
  const folder = await changed('config.json', keys({ vocab_size: 200 }));
  await refuses(folder, /tokenizer\.json has 284 tokens, the model's vocabulary only 200/);
});

test('a model too large for the engine is refused before it is read', async () => {
  const folder = await changed('config.json', keys({ hidden_size: 4096, num_hidden_layers: 500 }));
  await rm(join(folder, 'model.safetensors'));
  await refuses(folder, /million weights; the built-in engine takes at most 150 million/);
});

test('files that are not JSON, or no tokenizer, are named', async () => {
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    await refuses(await changed(name, () => '{"half":'), new RegExp(`${name} is not JSON`));
  await refuses(await changed('tokenizer.json', () => '{}'), /tokenizer\.json/);
});

test('generation_config.json may name several end tokens', async () => {
  const folder = await changed('generation_config.json', keys({ eos_token_id: [1, 7] }));
  assert.deepEqual((await loadCheckpoint(folder)).config.eos_token_ids, [1, 7]);
});

test('models that the engine does not compute are refused plainly', () => {
  const config: unknown = JSON.parse(original.files['config.json'] ?? '');
  const cases: [object, RegExp][] = [
    [{ model_type: 'qwen2' }, /describes a qwen2 model/],
    [{ model_type: undefined }, /does not say its model_type/],
    [{ hidden_size: 'wide' }, /hidden_size/],
    [{ num_attention_heads: 5 }, /num_attention_heads 5/],
    [{ head_dim: 7 }, /head_dim 7 is odd/],
    [{ attention_bias: true }, /bias/],
    [{ hidden_act: 'gelu' }, /gelu/],
    [{ rope_parameters: { rope_type: 'llama3', rope_theta: 1 } }, /llama3/],
    [{ rope_parameters: null, rope_scaling: { type: 'linear', factor: 2 } }, /RoPE scaling/],
    [{ quantization_config: { bits: 4 } }, /quantised/],
    [{ eos_token_id: 999 }, /999 is outside/],
  ];
  for (const [change, message] of cases)
    assert.throws(() => parseModelConfig(Object.assign({}, config, change), 'config.json'), {
      name: 'PlainError',
      message,
    });
  assert.throws(() => parseModelConfig([], 'config.json'), { name: 'PlainError' });
});

test('a place that cannot be written to is said plainly, and the old checkpoint stays', async () => {
  const file = join(scratch, 'a-file');
  await writeFile(file, '');
  await assert.rejects(saveCheckpoint(join(file, 'checkpoint'), original), {
    name: 'PlainError',
    message: /could not be written/,
  });
  const folder = join(scratch, 'kept');
  await saveCheckpoint(folder, original);
  await assert.rejects(saveCheckpoint(folder, original, { extra: { 'no/such/folder': '' } }), {
    name: 'PlainError',
  });
  assert.deepEqual((await loadCheckpoint(folder)).weights, original.weights);
});

test('what is written in one format is read in the same shape', () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  for (const format of ['F32', 'F16'] as const) {
    const bytes = writeSafetensors([{ name: 'w', shape: [2, 3], data }], format, { step: '3' });
    const file = new SafetensorsFile(bytes, 'x');
    assert.deepEqual(file.read('w', [2, 3]), data);
    assert.equal(file.metadata.step, '3');
  }
});

function assemble(header: object | string, data: Uint8Array): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}
