import assert from 'node:assert/strict';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { GpuWatch } from '../../../src/launch/python/gpu-watch.ts';
import { askGpus, readGpus } from '../../../src/launch/python/gpus.ts';
import { ProgramFolder, posix } from './programs.ts';

/** A program called nvidia-smi says what the GPUs do. */

const folder = new ProgramFolder();
const path = process.env.PATH ?? '';

test(
  'the GPUs of a program called nvidia-smi are read; without one, or with a broken one, there are none',
  { skip: posix },
  async () => {
    await folder.program('smi/nvidia-smi', 'echo "0, GPU-1, NVIDIA A100, 10, 81920, 3"');
    process.env.PATH = `${join(folder.path, 'smi')}${delimiter}${path}`;
    assert.deepEqual(
      (await readGpus()).map(({ name, usedMib }) => [name, usedMib]),
      [['NVIDIA A100', 10]],
    );
    await folder.program('smi/nvidia-smi', 'echo "NVIDIA-SMI has failed"; exit 9');
    assert.deepEqual(await readGpus(), []);
    process.env.PATH = folder.path;
    assert.deepEqual(await readGpus(), []);
  },
);

/** Watches until three changes were told; returns what was in use at each, and goes on noting it. */
async function firstThree(watch: GpuWatch): Promise<unknown[]> {
  const used: unknown[] = [];
  const third = new Promise<void>((resolve) => {
    watch.onDidChange((gpus) => {
      used.push(gpus[0]?.usedMib ?? 'none');
      if (used.length === 3) resolve();
    });
  });
  watch.watch(true);
  await third;
  return used;
}

test('GPUs are watched for as long as somebody wants to know', { skip: posix }, async () => {
  const calls = join(folder.path, 'calls');
  await folder.program(
    'smi/nvidia-smi',
    `echo x >> "${calls}"`,
    `echo "0, GPU-1, NVIDIA A100, $(grep -c x "${calls}"), 81920, 3"`,
  );
  process.env.PATH = `${join(folder.path, 'smi')}${delimiter}${path}`;
  const watch = new GpuWatch(20);
  const used = await firstThree(watch);
  assert.deepEqual(used.slice(0, 3), [1, 2, 3]);
  watch.watch(false);
  assert.deepEqual(watch.gpus, []);
  const told = used.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(used.length, told);
});

test(
  'a GPU driver that fails once is asked again; without its program nobody is',
  { skip: posix },
  async () => {
    const calls = join(folder.path, 'calls');
    await folder.program(
      'smi/nvidia-smi',
      `echo x >> "${calls}"`,
      `[ $(grep -c x "${calls}") = 2 ] && { echo "Failed to initialize NVML"; exit 9; }`,
      `echo "0, GPU-1, NVIDIA A100, $(grep -c x "${calls}"), 81920, 3"`,
    );
    process.env.PATH = `${join(folder.path, 'smi')}${delimiter}${path}`;
    const watch = new GpuWatch(20);
    const used = await firstThree(watch);
    watch.dispose();
    assert.deepEqual(used, [1, 'none', 3]);
    process.env.PATH = folder.path;
    assert.equal(await askGpus(), null);
  },
);
