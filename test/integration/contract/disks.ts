import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../engine/support.ts';

export const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** A real, small disk; null (and the test skipped, saying why) where none can be made. */
export async function smallDisk(t: TestContext, megabytes: number): Promise<string | null> {
  if (!isRoot) {
    t.skip('a small disk is a tmpfs mount, which takes root on Linux');
    return null;
  }
  const disk = join(await temporaryFolder(), 'disk');
  await mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
  } catch {
    t.skip('mounting a tmpfs is not allowed here');
    return null;
  }
  t.after(() => execFileSync('umount', ['--lazy', disk]));
  return disk;
}

export async function fill(disk: string): Promise<void> {
  await assert.rejects(writeFile(join(disk, 'filler'), Buffer.alloc(64 << 20)), { code: 'ENOSPC' });
}
