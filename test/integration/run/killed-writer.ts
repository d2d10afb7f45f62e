import { access } from 'node:fs/promises';
import { RunWriter } from '../../../src/run/writer.ts';
import { manifestOf } from '../../fixtures/run.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

/** A process that writes a run as fast as it can, until somebody kills it. */
// Should the killer itself be killed.
setTimeout(() => process.exit(1), 30_000).unref();
const directory = process.argv[2] ?? '';
const exists = await access(directory).then(
  () => true,
  () => false,
);
const writer = exists
  ? await RunWriter.resume(directory)
  : await RunWriter.create(directory, manifestOf(), Buffer.from('seed: 1\n'));
await writer.updateManifest({ pid: process.pid });
for (let step = 1; ; step++) {
  const place = { step, prompt_id: 'p', firstId: writer.nextSegmentId };
  const options = { tokensPerCompletion: 2000, skill: 0.5 };
  // Not awaited one by one: the kill is to find writes on their way.
  await Promise.all([
    writer.rollouts(synthesizeTree(place, options, randomFrom(step))),
    writer.event({ type: 'step', step, metrics: { reward: step } }),
    writer.updateManifest({ max_steps: step }),
  ]);
  if (step === 1) process.stdout.write('it writes\n');
}
