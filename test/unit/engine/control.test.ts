import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Control, type Controlled } from '../../../src/engine/control.ts';
import { recipeSchema } from '../../../src/recipe/keys.ts';
import type { EventBody } from '../../../src/run/model/events.ts';
import type { Command } from '../../../src/run/server.ts';

/** A trainer that only counts, and writes down what was said. */
class Counting implements Controlled {
  recipe = recipeSchema.parse({});
  steps = 0;
  readonly said: EventBody[] = [];
  readonly control = new Control();
  checkpointFails = false;

  async train(steps: number): Promise<'done' | 'stopped'> {
    while (this.steps < steps) {
      if ((await this.control.safePoint(this)) === 'stop') return 'stopped';
      this.steps++;
      await turn();
    }
    await this.control.close();
    return 'done';
  }

  checkpoint(): Promise<string> {
    if (this.checkpointFails) return Promise.reject(new Error('no room'));
    return Promise.resolve(`checkpoints/step-${this.steps}`);
  }

  say(event: EventBody): Promise<void> {
    this.said.push(event);
    return Promise.resolve();
  }

  send(command: Command['command'], args: Command['args'] = {}) {
    return this.control.submit({ type: 'command', id: `${command}-1`, command, args });
  }

  get words(): string[] {
    return this.said.map((event) =>
      event.type === 'command' ? `${event.command} ${event.outcome}` : event.type,
    );
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

test('pause holds the run still, step makes so many steps, resume goes on', async () => {
  const run = new Counting();
  const done = run.train(10);
  assert.equal((await run.send('pause')).outcome, 'applied');
  await settle();
  const at = run.steps;
  await settle();
  assert.equal(run.steps, at);
  assert.match((await run.send('pause')).message, /already/);
  assert.equal((await run.send('step', { count: 2 })).outcome, 'applied');
  await settle();
  assert.equal(run.steps, at + 2);
  assert.equal((await run.send('resume')).outcome, 'applied');
  assert.equal(await done, 'done');
  assert.equal(run.steps, 10);
  assert.deepEqual(run.words, [
    ...['pause applied', 'run_paused', 'pause refused'],
    ...['run_resumed', 'step applied', 'run_paused'],
    ...['run_resumed', 'resume applied'],
  ]);
});

test('stop ends the run between two steps, paused or not', async () => {
  const running = new Counting();
  const done = running.train(1000);
  assert.equal(running.control.stopWanted, false);
  const answer = running.send('stop');
  assert.equal(running.control.stopWanted, true);
  assert.equal((await answer).outcome, 'applied');
  assert.equal(await done, 'stopped');
  assert.ok(running.steps < 1000);

  const paused = new Counting();
  const end = paused.train(1000);
  await paused.send('pause');
  await settle();
  await paused.send('stop');
  assert.equal(await end, 'stopped');
});

test('a signal ends a paused run too, at whatever moment it comes', async () => {
  for (let moment = 0; moment < 12; moment++) {
    const run = new Counting();
    const done = run.train(1000);
    void run.send('pause');
    for (let i = 0; i < moment; i++) await Promise.resolve();
    run.control.interrupt();
    assert.equal(await done, 'stopped');
  }
});

test('set changes what may be changed, says old and new, and refuses the rest in words', async () => {
  const run = new Counting();
  const done = run.train(50);
  const good = await run.send('set', { uncertainty_threshold: 0.5, temperature: 1.5 });
  assert.deepEqual(good, {
    outcome: 'applied',
    message: 'uncertainty_threshold: 0.7 → 0.5, temperature: 1 → 1.5.',
  });
  assert.equal(run.recipe.uncertainty_threshold, 0.5);
  const event = run.said.find((each) => each.type === 'command');
  assert.deepEqual(event?.changes, {
    uncertainty_threshold: { old: 0.7, new: 0.5 },
    temperature: { old: 1, new: 1.5 },
  });
  const refused: [Command['args'], RegExp][] = [
    [{}, /needs the keys/],
    [{ num_generations: 4 }, /`num_generations` cannot be changed while a run goes on; what can/],
    [{ nonsense: 1 }, /`nonsense` cannot be changed/],
    [{ uncertainty_threshold: 7 }, /must be a number of at least 0 and at most 1, but it is 7/],
    [{ learning_rate: 'fast' }, /must be a number above 0/],
    [{ max_resamples_per_prefix: 0 }, /would be cut and never go on/],
  ];
  const before = structuredClone(run.recipe);
  for (const [args, message] of refused) {
    const answer = await run.send('set', args);
    assert.equal(answer.outcome, 'refused');
    assert.match(answer.message, message);
  }
  assert.deepEqual(run.recipe, before);
  await done;
});

test('a checkpoint is written on demand; when it can’t be, the run goes on', async () => {
  const run = new Counting();
  const done = run.train(20);
  assert.match((await run.send('checkpoint')).message, /checkpoints\/step-\d/);
  run.checkpointFails = true;
  assert.deepEqual(await run.send('checkpoint'), {
    outcome: 'refused',
    message: 'The checkpoint could not be written: no room',
  });
  assert.equal(await done, 'done');
});

test('a wrong step count is refused', async () => {
  const run = new Counting();
  const done = run.train(20);
  for (const count of [0, -1, 1.5, 'two', null]) {
    const answer = await run.send('step', count === null ? { count: false } : { count });
    assert.equal(answer.outcome, 'refused');
  }
  await done;
});

test('every command is answered, also those that come when the run is over', async () => {
  const run = new Counting();
  const done = run.train(3);
  const answers = Array.from({ length: 50 }, () => run.send('set', { temperature: 1.1 }));
  await done;
  const late = [run.send('stop'), run.send('checkpoint')];
  for (const answer of await Promise.all(answers)) assert.ok(answer.message);
  for (const answer of await Promise.all(late)) {
    assert.deepEqual(answer, { outcome: 'refused', message: 'The run has ended.' });
  }
  await assert.rejects(
    run.control.atSafePoint(() => Promise.resolve(1)),
    /has ended/,
  );
});

test('who only asks is answered between two steps of a round; commands wait for its end', async () => {
  const run = new Counting();
  const order: string[] = [];
  // The first evaluation comes before the first safe point.
  const early = run.control.atSafePoint(() => Promise.resolve('there'));
  await run.control.breathe();
  assert.equal(await early, 'there');
  assert.equal(await run.control.safePoint(run), 'go on');
  const set = run.send('set', { temperature: 1.5 }).then(() => order.push('set'));
  const asked = run.control.atSafePoint(() => Promise.resolve(order.push('asked')));
  const failed = assert.rejects(
    run.control.atSafePoint(() => Promise.reject(new Error('too long'))),
    /too long/,
  );
  assert.ok((await run.control.breathe()) >= 0);
  await Promise.all([asked, failed]);
  await settle();
  assert.deepEqual(order, ['asked']);
  assert.equal(await run.control.safePoint(run), 'go on');
  await set;
  assert.deepEqual(order, ['asked', 'set']);
  await run.control.close();
  assert.ok((await run.control.breathe()) >= 0);
  await assert.rejects(
    run.control.atSafePoint(() => Promise.resolve()),
    /ended/,
  );
});
