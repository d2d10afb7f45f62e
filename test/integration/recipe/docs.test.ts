import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');

test('the key page and the JSON schema are those the schema makes', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/recipe-docs.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  assert.equal(status, 0);
});

test('the manifest contributes the schema for recipes', () => {
  const manifest = z
    .object({
      contributes: z.object({
        yamlValidation: z.array(
          z.object({ fileMatch: z.union([z.string(), z.array(z.string())]), url: z.string() }),
        ),
      }),
    })
    .parse(JSON.parse(read('package.json')));
  const [entry] = manifest.contributes.yamlValidation;
  assert.equal(entry?.url, './media/recipe.schema.json');
  const schema = z
    .object({ properties: z.record(z.string(), z.object({ description: z.string().min(1) })) })
    .parse(JSON.parse(read('media/recipe.schema.json')));
  for (const key of ['uncertainty_threshold', 'vllm_mode', 'torch_dtype']) {
    assert.ok(schema.properties[key], key);
  }
});
