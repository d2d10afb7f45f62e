import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import type { ClientState } from '../../../src/run/client.ts';
import { RunClient } from '../../../src/run/client.ts';
import type { ServerOptions } from '../../../src/run/server.ts';
import { RunServer } from '../../../src/run/server.ts';
import { RunStore } from '../../../src/run/store.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { manifestOf, temporaryDirectory, until } from '../../fixtures/run.ts';
import { randomFrom, synthesizeRun, synthesizeTree } from '../../fixtures/synthesize.ts';

interface Running {
  source: string;
  mirror: string;
  writer: RunWriter;
  server: RunServer;
}

async function start(t: test.TestContext, options: ServerOptions = {}): Promise<Running> {
  const parent = await temporaryDirectory(t);
  const [source, mirror] = [join(parent, 'source'), join(parent, 'mirror')];
  const writer = await RunWriter.create(source, manifestOf(), Buffer.from('seed: 1\n'));
  const server = await RunServer.start(source, options);
  t.after(async () => {
    await server.close();
    await writer.close();
  });
  return { source, mirror, writer, server };
}

function clientOf(
  t: test.TestContext,
  { server, mirror }: { server: { url: string; token: string }; mirror: string | null },
): RunClient {
  const client = new RunClient({ url: server.url, token: server.token, mirror, retryMs: 10 });
  t.after(async () => {
    client.dispose();
    await client.stopped;
  });
  return client;
}

async function addRound(writer: RunWriter, step: number): Promise<void> {
  const place = { step, prompt_id: 'p', firstId: writer.nextSegmentId };
  const options = { tokensPerCompletion: 60, skill: 0.5 };
  await writer.rollouts(synthesizeTree(place, options, randomFrom(step)));
  await writer.event({ type: 'step', step, metrics: { reward: step } });
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

async function sameFiles(source: string, mirror: string, wait = 10_000): Promise<void> {
  const end = Date.now() + wait;
  for (const name of ['events.jsonl', 'rollouts.arrows']) {
    const all = await sizeOf(join(source, name));
    while ((await sizeOf(join(mirror, name))) < all && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const [theirs, ours] = [await readFile(join(source, name)), await readFile(join(mirror, name))];
    assert.ok(theirs.equals(ours), `${name}: ${ours.length} of ${theirs.length} bytes`);
  }
}

test('a mirror has the same bytes, and reads as the run does', async (t) => {
  const run = await start(t);
  await addRound(run.writer, 1);
  const client = clientOf(t, run);
  await until('it is connected', () => client.state.kind === 'connected');
  for (let step = 2; step <= 20; step++) await addRound(run.writer, step);
  await sameFiles(run.source, run.mirror);
  const [theirs, ours] = [await RunStore.open(run.source), await RunStore.open(run.mirror)];
  t.after(() => [theirs, ours].forEach((store) => store.dispose()));
  assert.deepEqual(ours.groups(), theirs.groups());
  assert.deepEqual(ours.steps, theirs.steps);
  assert.deepEqual(ours.manifest, { ...theirs.manifest, endpoint: null });
  assert.equal(client.manifest?.run_id, 'a-run');
});

test('lines that are no text arrive byte for byte too', async (t) => {
  const run = await start(t);
  await addRound(run.writer, 1);
  // Half a character, as a trainer in another encoding writes it.
  const line = Buffer.from(
    '{"seq":9,"time":"2026-01-01T00:00:00Z","type":"note","text":"caf\xe9"}\n',
    'latin1',
  );
  await appendFile(join(run.source, 'events.jsonl'), line);
  clientOf(t, run);
  await sameFiles(run.source, run.mirror);
  await appendFile(join(run.source, 'events.jsonl'), '{"seq":10}\n');
  await sameFiles(run.source, run.mirror);
});

/** A wire that breaks: forwards to the server, and cuts every connection after some bytes. */
async function brittleWire(
  t: test.TestContext,
  target: string,
  bytesBeforeCut: () => number,
): Promise<{ url: string; cuts: () => number }> {
  let cuts = 0;
  const open = new Set<Socket>();
  const wire: Server = createServer((inner) => {
    const outer = connect(Number(new URL(target).port), '127.0.0.1');
    let left = bytesBeforeCut();
    for (const socket of [inner, outer]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        inner.destroy();
        outer.destroy();
      });
    }
    inner.pipe(outer);
    outer.on('data', (chunk: Buffer) => {
      if (chunk.length >= left) {
        cuts++;
        inner.write(chunk.subarray(0, left), () => inner.destroy());
        outer.destroy();
      } else {
        left -= chunk.length;
        inner.write(chunk);
      }
    });
  });
  wire.listen(0, '127.0.0.1');
  await once(wire, 'listening');
  t.after(() => {
    wire.close();
    for (const socket of open) socket.destroy();
  });
  const address = wire.address();
  assert.ok(address !== null && typeof address === 'object');
  return { url: `http://127.0.0.1:${address.port}`, cuts: () => cuts };
}

test('a mirror is the same after the connection broke at many places', async (t) => {
  const run = await start(t);
  for (let step = 1; step <= 10; step++) await addRound(run.writer, step);
  const random = randomFrom(5);
  // At times in the middle of the handshake, at times in the middle of a batch.
  const wire = await brittleWire(t, run.server.url, () => Math.floor(random() ** 2 * 150_000));
  const server = { url: wire.url, token: run.server.token };
  const client = clientOf(t, { server, mirror: run.mirror });
  for (let step = 11; step <= 80; step++) {
    await addRound(run.writer, step);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await sameFiles(run.source, run.mirror, 60_000);
  t.diagnostic(`the wire broke ${wire.cuts()} times`);
  assert.ok(wire.cuts() >= 5);
  assert.ok(['connected', 'connecting', 'waiting'].includes(client.state.kind));
});

test('a mirror that was cut anywhere, even damaged, is made whole again', async (t) => {
  const run = await start(t);
  for (let step = 1; step <= 5; step++) await addRound(run.writer, step);
  const random = randomFrom(9);
  for (let round = 0; round < 8; round++) {
    const client = clientOf(t, run);
    await until('it is connected', () => client.state.kind === 'connected');
    await sameFiles(run.source, run.mirror);
    client.dispose();
    await client.stopped;
    for (const name of ['events.jsonl', 'rollouts.arrows']) {
      const path = join(run.mirror, name);
      await truncate(path, Math.floor(random() * (await sizeOf(path))));
    }
    if (round % 2 === 1) await appendFile(join(run.mirror, 'rollouts.arrows'), Buffer.alloc(99, 7));
  }
});

test('an engine that goes away is waited for, and found again', async (t) => {
  const run = await start(t);
  let working = true;
  const wire = await brittleWire(t, run.server.url, () => (working ? 20_000 : 0));
  const server = { url: wire.url, token: run.server.token };
  const states: ClientState['kind'][] = [];
  const client = clientOf(t, { server, mirror: run.mirror });
  client.onDidChangeState((state) => states.push(state.kind));
  await until('it is connected', () => client.state.kind === 'connected');
  working = false;
  for (let step = 1; step <= 10; step++) await addRound(run.writer, step);
  await until('it lost the engine', () => wire.cuts() >= 3);
  working = true;
  await sameFiles(run.source, run.mirror);
  const lost = states.indexOf('waiting');
  assert.deepEqual(states.slice(0, lost + 2), ['connecting', 'connected', 'waiting', 'connecting']);
});

test('when the engine ends, the client has it all and stops', async (t) => {
  const run = await start(t);
  const client = clientOf(t, run);
  await until('it is connected', () => client.state.kind === 'connected');
  for (let step = 1; step <= 10; step++) await addRound(run.writer, step);
  await run.writer.event({ type: 'run_finished', reason: 'max_steps' });
  await run.writer.updateManifest({ state: 'finished' });
  await run.server.close();
  await client.stopped;
  assert.deepEqual(client.state, { kind: 'ended' });
  await sameFiles(run.source, run.mirror);
  assert.equal(client.manifest?.state, 'finished');
});

test('commands always settle: answered, refused, timed out, cut off or disposed', async (t) => {
  const run = await start(t, {
    onCommand: ({ command }) =>
      command === 'pause'
        ? new Promise(() => undefined)
        : Promise.resolve({
            outcome: command === 'stop' ? 'refused' : 'applied',
            message: command,
          }),
  });
  const client = clientOf(t, { ...run, mirror: null });
  assert.equal((await client.command('step')).outcome, 'unanswered');
  await until('it is connected', () => client.state.kind === 'connected');
  assert.deepEqual(await client.command('set', { learning_rate: 1e-4 }), {
    outcome: 'applied',
    message: 'set',
  });
  assert.equal((await client.command('stop')).outcome, 'refused');
  const late = await client.command('pause', {}, 50);
  assert.equal(late.outcome, 'unanswered');
  assert.match(late.message, /no answer within 0\.05 s/);
  const cutOff = client.command('pause');
  client.dispose();
  assert.match((await cutOff).message, /connection to the engine was lost/);
  assert.equal((await client.command('stop')).outcome, 'unanswered');
  assert.deepEqual(client.state, { kind: 'disposed' });
});

test('one that is disposed at once never connects', async (t) => {
  const run = await start(t);
  const clients = Array.from({ length: 5 }, () => clientOf(t, run));
  for (const [i, client] of clients.entries()) {
    for (let turn = 0; turn < i; turn++) await Promise.resolve();
    client.dispose();
    await client.stopped;
  }
  assert.equal(run.server.connections, 0);
});

test('what will not get better is refused, not tried for ever', async (t) => {
  const run = await start(t);
  const wrong = clientOf(t, { server: { url: run.server.url, token: 'x' }, mirror: null });
  await wrong.stopped;
  assert.ok(wrong.state.kind === 'refused');
  assert.match(wrong.state.message, /another token/);

  await synthesizeRun(run.mirror, { completions: 64, tokensPerCompletion: 100, seed: 1 });
  const ahead = clientOf(t, run);
  await ahead.stopped;
  assert.ok(ahead.state.kind === 'refused');
  assert.match(ahead.state.message, /local copy is ahead/);

  const other = `${run.mirror}-other`;
  const writer = await RunWriter.create(other, manifestOf({ run_id: 'b' }), Buffer.from(''));
  await writer.close();
  const foreign = clientOf(t, { ...run, mirror: other });
  await foreign.stopped;
  assert.ok(foreign.state.kind === 'refused');
  assert.match(foreign.state.message, /holds run b, but the engine trains a-run/);

  const file = `${run.mirror}-file`;
  await writeFile(file, '');
  const nowhere = clientOf(t, { ...run, mirror: file });
  await nowhere.stopped;
  assert.equal(nowhere.state.kind, 'refused');
});

test('an engine that falls silent is left, though the network says nothing', async (t) => {
  // Takes the connection and never says a word.
  const mute = createServer(() => undefined);
  const open = new Set<Socket>();
  mute.on('connection', (socket) => open.add(socket.on('error', () => undefined)));
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    mute.close();
  });
  const address = mute.address();
  assert.ok(address !== null && typeof address === 'object');
  const url = `http://127.0.0.1:${address.port}`;
  const client = new RunClient({ url, token: 'x', mirror: null, retryMs: 10, silenceMs: 100 });
  t.after(() => client.dispose());
  await until('it waits', () => client.state.kind === 'waiting');
  assert.ok(client.state.kind === 'waiting');
  assert.match(client.state.message, /no sign of life for 0\.1 s/);
  await until('it tried again', () => open.size >= 2);
});

test('a server that talks nonsense is left and tried again', async (t) => {
  const garbage = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  garbage.listen(0, '127.0.0.1');
  await once(garbage, 'listening');
  t.after(() => garbage.close());
  const address = garbage.address();
  assert.ok(address !== null && typeof address === 'object');
  const server = { url: `http://127.0.0.1:${address.port}`, token: 'x' };
  const client = clientOf(t, { server, mirror: null });
  const attempts: number[] = [];
  client.onDidChangeState((state) => {
    if (state.kind === 'waiting') attempts.push(state.attempt);
  });
  await until('it tried again', () => attempts.length >= 3);
  assert.deepEqual(attempts.slice(0, 3), [1, 2, 3]);
});
