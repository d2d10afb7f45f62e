import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { vsix } from './support/world.ts';

/** VS Code shows the README on the extension's page, from what is packed. */
const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const pictures = [...readme.matchAll(/!\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, path = '']) => path);

const trainer = new URL('../../trainer/', import.meta.url);
const python = (await readdir(trainer, { recursive: true }))
  .filter((name) => /^adaptive_grpo[\\/].*\.py$/.test(name))
  .map((name) => `trainer/${name.replaceAll('\\', '/')}`);

/** Everything that ships, and nothing else. */
const content = [
  'LICENSE.txt',
  'changelog.md',
  'package.json',
  'package.nls.json',
  'readme.md',
  'dist/THIRD_PARTY_NOTICES.txt',
  'dist/engine-worker.js',
  'dist/engine.js',
  'dist/extension.cjs',
  'dist/webview/charts.css',
  'dist/webview/charts.js',
  'dist/webview/compare.css',
  'dist/webview/compare.js',
  'dist/webview/explorer.css',
  'dist/webview/explorer.js',
  'dist/webview/recipe-form.css',
  'dist/webview/recipe-form.js',
  'l10n/bundle.l10n.json',
  'media/activity-bar.svg',
  'media/base/config.json',
  'media/base/generation_config.json',
  'media/base/model.safetensors',
  'media/base/tokenizer.json',
  'media/base/tokenizer_config.json',
  'media/charts.svg',
  'media/compare-dark.svg',
  'media/compare-light.svg',
  'media/explorer-dark.svg',
  'media/explorer-light.svg',
  'media/icon.png',
  'media/recipe.schema.json',
  ...pictures,
  'media/walkthrough/charts-dark.png',
  'media/walkthrough/charts-light.png',
  'media/walkthrough/compare-dark.png',
  'media/walkthrough/compare-light.png',
  'media/walkthrough/explorer-dark.png',
  'media/walkthrough/explorer-light.png',
  'media/walkthrough/recipe.md',
  'media/walkthrough/start.md',
  'recipes/adaptive_grpo.yaml',
  'recipes/baseline_grpo.yaml',
  'recipes/qwen2.5_1.5b_lora_24gb.yaml',
  'recipes/qwen2.5_1.5b_math.yaml',
  'recipes/qwen2.5_7b_math.yaml',
  'recipes/tree_grpo.yaml',
  'recipes/accelerate_configs/ddp.yaml',
  'recipes/accelerate_configs/fsdp2.yaml',
  'recipes/accelerate_configs/zero2.yaml',
  'recipes/accelerate_configs/zero3.yaml',
  'recipes/slurm/adaptive_grpo.sbatch',
  'trainer/pyproject.toml',
  'trainer/README.md',
  'trainer/adaptive_grpo/py.typed',
  // Every module of the Python trainer, and nothing of its tests.
  ...python,
];

/** Names in a zip file, read from its central directory. */
function zipNames(zip: Buffer): string[] {
  const names: string[] = [];
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    assert.ok(name !== undefined && extra !== undefined && comment !== undefined);
    names.push(zip.toString('utf8', at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return names;
}

test('the .vsix holds what ships and nothing else', async () => {
  const names = zipNames(await readFile(await vsix()))
    .filter((name) => name.startsWith('extension/'))
    .map((name) => name.slice('extension/'.length));
  assert.deepEqual(names.toSorted(), content.toSorted());
});

test('the .vsix stays small', async () => {
  const { size } = await stat(await vsix());
  assert.ok(size < 8 * 1024 * 1024, `${size} bytes`);
});
