import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOG } from '../run/files.ts';

/**
 * Writes lines to `trainer.log`, the engine's own words. Nothing that goes wrong here may end a
 * run: what can't be written there goes to stderr.
 */
export function trainerLog(directory: string): (line: string) => void {
  const path = join(directory, LOG);
  return (line) => {
    try {
      appendFileSync(path, `${new Date().toISOString()} ${line}\n`);
    } catch {
      process.stderr.write(`${line}\n`);
    }
  };
}
