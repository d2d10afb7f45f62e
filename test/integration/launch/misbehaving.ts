import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Ways for an engine to misbehave at start-up that the real one can't be brought to at will. */
const programs = {
  /** Says what it was given, chatters, then is ready and goes on until it is ended. */
  ready: `
    console.log('warming up, not json');
    console.error('words for the log');
    console.log(JSON.stringify({ type: 'other' }));
    console.log(JSON.stringify({ type: 'ready', url: 'ws://127.0.0.1:1', token: 't',
      run_directory: process.argv.join(' ') + '|' + (process.env.EXTRA ?? ''), pid: process.pid }));
    setInterval(() => console.log('x'.repeat(100_000)), 1);`,
  failed: `
    console.log(JSON.stringify({ type: 'failed', message: 'The recipe is empty.', next: 'Fill it.' }));
    process.exitCode = 1;`,
  /** Says it failed but hangs all the same. */
  failedAndHangs: `
    console.log(JSON.stringify({ type: 'failed', message: 'No memory.', next: 'Buy some.' }));
    setInterval(() => {}, 1000);`,
  hangs: `setInterval(() => {}, 1000);`,
  exits: `console.error('a stack trace'); process.exit(3);`,
  killed: `process.kill(process.pid, 'SIGKILL');`,
  /** One endless line. */
  floods: `
    const write = () => process.stdout.write('y'.repeat(1_000_000), write);
    write();`,
} as const;

export async function misbehavingEngine(
  kind: keyof typeof programs,
  directory: string,
): Promise<string> {
  const file = join(directory, 'engine.mjs');
  await writeFile(file, programs[kind]);
  return file;
}
