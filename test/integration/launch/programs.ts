import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';

/** Programs that misbehave in ways that real ones can't be brought to at will are shell scripts. */
export const posix =
  process.platform === 'win32' ? 'the misbehaving programs are shell scripts' : false;

/** A folder for each test of a file; the environment is afterwards what it was before. */
export class ProgramFolder {
  path = '';

  constructor() {
    const before = { ...process.env };
    beforeEach(async () => {
      this.path = await mkdtemp(join(tmpdir(), 'adaptive grpo setup ')); // blanks on purpose
    });
    afterEach(async () => {
      for (const key of Object.keys(process.env)) {
        if (!(key in before)) Reflect.deleteProperty(process.env, key);
      }
      Object.assign(process.env, before);
      await rm(this.path, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  /** A program of that name which does what the lines say; returns its path. */
  async program(name: string, ...lines: string[]): Promise<string> {
    const file = join(this.path, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, ['#!/bin/sh', ...lines, ''].join('\n'));
    await chmod(file, 0o755);
    return file;
  }
}
