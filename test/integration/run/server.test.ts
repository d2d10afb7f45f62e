import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';
import type { ServerMessage } from '../../../src/run/model/stream.ts';
import {
  STREAM_PATH,
  SUBPROTOCOL,
  closeCodes,
  frameOffset,
  serverMessage,
} from '../../../src/run/model/stream.ts';
import type { ServerOptions } from '../../../src/run/server.ts';
import { HttpError, RunServer } from '../../../src/run/server.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { manifestOf, temporaryDirectory, until } from '../../fixtures/run.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

interface Running {
  directory: string;
  writer: RunWriter;
  server: RunServer;
}

async function start(t: test.TestContext, options: ServerOptions = {}): Promise<Running> {
  const directory = join(await temporaryDirectory(t), 'run');
  const writer = await RunWriter.create(directory, manifestOf(), Buffer.from('seed: 1\n'));
  const server = await RunServer.start(directory, options);
  t.after(async () => {
    await server.close();
    await writer.close();
  });
  return { directory, writer, server };
}

async function addRound(writer: RunWriter, step: number, tokens = 30): Promise<void> {
  const place = { step, prompt_id: 'p', firstId: writer.nextSegmentId };
  const options = { tokensPerCompletion: tokens, skill: 0.5 };
  await writer.rollouts(synthesizeTree(place, options, randomFrom(step)));
  await writer.event({ type: 'step', step, metrics: { reward: step } });
}

/** A plain socket that keeps all it hears. */
class Ear {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];
  readonly events: Buffer[] = [];
  readonly rollouts: Buffer[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  keep = true;
  #eventsAt: number;
  #rolloutsAt: number;

  constructor(
    { server }: { server: RunServer },
    subscribe?: { events: number; rollouts: number },
    options: ClientOptions = {},
  ) {
    this.#eventsAt = subscribe?.events ?? 0;
    this.#rolloutsAt = subscribe?.rollouts ?? 0;
    this.socket = connect(server, {}, options);
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    this.socket.on('error', () => undefined);
    this.socket.on('open', () => {
      if (subscribe) this.say({ type: 'subscribe', ...subscribe });
    });
    this.socket.on('message', (data: Buffer, isBinary) => this.#hear(data, isBinary));
  }

  say(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  #hear(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      assert.equal(frameOffset(data), this.#rolloutsAt);
      if (this.keep) this.rollouts.push(data.subarray(8));
      this.#rolloutsAt += data.length - 8;
      return;
    }
    const message = serverMessage.parse(JSON.parse(data.toString()));
    this.messages.push(message);
    if (message.type !== 'events') return;
    assert.equal(message.offset, this.#eventsAt);
    const bytes = Buffer.from(message.data, message.encoding);
    assert.equal(bytes.at(-1), 10);
    this.events.push(bytes);
    this.#eventsAt += bytes.length;
  }

  get offsets(): { events: number; rollouts: number } {
    return { events: this.#eventsAt, rollouts: this.#rolloutsAt };
  }
}

function connect(
  server: RunServer,
  headers: Record<string, string> = {},
  options: ClientOptions = {},
  path = '/stream',
  protocol: string | undefined = SUBPROTOCOL,
): WebSocket {
  const url = `${server.url.replace('http', 'ws')}${path}`;
  return new WebSocket(url, protocol === '' ? [] : protocol, {
    headers: { authorization: `Bearer ${server.token}`, ...headers },
    ...options,
  });
}

async function refusal(socket: WebSocket): Promise<{ status: number; text: string }> {
  const [, response]: [unknown, IncomingMessage] = await new Promise((resolve, reject) => {
    socket.once('unexpected-response', (request, answer) => resolve([request, answer]));
    socket.once('open', () => reject(new Error('it was let in')));
  });
  const chunks: string[] = [];
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => chunks.push(chunk));
  await once(response, 'end');
  return { status: response.statusCode ?? 0, text: chunks.join('') };
}

test('a viewer gets the manifest, then all there was, then what comes', async (t) => {
  const run = await start(t);
  await run.writer.updateManifest({ endpoint: { url: run.server.url, token: run.server.token } });
  await addRound(run.writer, 1);
  const ear = new Ear(run, { events: 0, rollouts: 0 });
  const all = (): boolean =>
    ear.offsets.events === run.writer.size.events &&
    ear.offsets.rollouts === run.writer.size.rollouts;
  await until('the first round arrived', all);
  assert.equal(ear.messages[0]?.type, 'manifest');
  assert.ok(!JSON.stringify(ear.messages).includes(run.server.token), 'the token was sent');
  for (let step = 2; step <= 30; step++) await addRound(run.writer, step);
  await until('the others arrived', all);
  await run.writer.updateManifest({ state: 'paused' });
  await until('the state arrived', () =>
    ear.messages.some((each) => each.type === 'manifest' && each.manifest.state === 'paused'),
  );
  ear.socket.close();
});

test('a viewer that has some of it gets the rest, others at the same time all', async (t) => {
  const run = await start(t);
  await addRound(run.writer, 1);
  const { size } = run.writer;
  await addRound(run.writer, 2);
  const ears = [size, { events: 0, rollouts: 0 }, run.writer.size].map(
    (offsets) => new Ear(run, offsets),
  );
  await addRound(run.writer, 3);
  await until('all have all', () =>
    ears.every(
      ({ offsets }) =>
        offsets.events === run.writer.size.events && offsets.rollouts === run.writer.size.rollouts,
    ),
  );
  assert.deepEqual(
    Buffer.concat(ears[0]?.events ?? []),
    Buffer.concat(ears[1]?.events ?? []).subarray(size.events),
  );
  for (const ear of ears) ear.socket.close();
});

test('offsets beyond the files, or inside a record, are an error and not a crash', async (t) => {
  const run = await start(t);
  await addRound(run.writer, 1);
  const beyond = new Ear(run, { events: 0, rollouts: run.writer.size.rollouts + 1 });
  assert.equal((await beyond.closed).code, closeCodes.offset);
  const said = beyond.messages.find((each) => each.type === 'error');
  assert.match(said?.message ?? '', /^rollouts\.arrows has \d+ bytes; there is nothing after byte/);
  const inside = new Ear(run, { events: 3, rollouts: 4 });
  assert.equal((await inside.closed).code, closeCodes.trouble);
});

test('a run whose manifest is damaged is said in one plain sentence', async (t) => {
  const running = await start(t);
  await writeFile(join(running.directory, 'run.json'), '{"schema_version":');
  const ear = new Ear(running, { events: 0, rollouts: 0 });
  assert.equal((await ear.closed).code, closeCodes.trouble);
  const [error] = ear.messages.filter((message) => message.type === 'error');
  assert.match(error?.message ?? '', /^[^:]*run\.json is not valid JSON\b[^.]*\.$/);
});

test('only whole records are sent, and a half one when it is finished', async (t) => {
  const run = await start(t);
  const ear = new Ear(run, { events: 0, rollouts: 0 });
  await until('the schema arrived', () => ear.rollouts.length === 1);
  await appendFile(join(run.directory, 'events.jsonl'), '{"seq":0,"time":"x","type":');
  run.server.notify();
  await sleep(100);
  assert.equal(ear.events.length, 0);
  await appendFile(join(run.directory, 'events.jsonl'), '"run_paused"}\n{"se');
  await until('the line arrived', () => ear.events.length === 1);
  assert.match(String(ear.events[0]), /"run_paused"}\n$/);
  ear.socket.close();
});

test('the token, the host, the origin, the path and the subprotocol must be right', async (t) => {
  const { server } = await start(t);
  const port = new URL(server.url).port;
  const cases: [string, WebSocket, number, RegExp][] = [
    ['no token', connect(server, { authorization: '' }), 401, /token/],
    ['wrong token', connect(server, { authorization: 'Bearer nope' }), 401, /token/],
    ['basic', connect(server, { authorization: `Basic ${server.token}` }), 401, /token/],
    ['origin', connect(server, {}, { origin: 'https://evil.example' }), 403, /Web pages/],
    ['own origin', connect(server, {}, { origin: server.url }), 403, /Web pages/],
    ['null origin', connect(server, {}, { origin: 'null' }), 403, /Web pages/],
    ['rebound', connect(server, { host: `evil.example:${port}` }), 403, /127\.0\.0\.1/],
    ['path', connect(server, {}, {}, '/other'), 404, /nothing/],
    [
      'query token',
      connect(server, { authorization: '' }, {}, `/stream?token=${server.token}`),
      401,
      /token/,
    ],
    ['subprotocol', connect(server, {}, {}, '/stream', 'chat'), 400, /adaptive-grpo\.v1/],
    ['no subprotocol', connect(server, {}, {}, '/stream', ''), 400, /adaptive-grpo\.v1/],
  ];
  for (const [name, socket, status, text] of cases) {
    const refused = await refusal(socket);
    assert.equal(refused.status, status, name);
    assert.match(refused.text, text, name);
    assert.ok(!refused.text.includes(server.token));
  }
  assert.equal(server.connections, 0);
});

test('one who was turned away and never hangs up keeps the server from nothing', async (t) => {
  const { server } = await start(t);
  const port = Number(new URL(server.url).port);
  const socket = connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(
    `GET ${STREAM_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const answer = await new Promise((resolve) => socket.once('data', resolve));
  assert.match(String(answer), /^HTTP\/1\.1 401 /);
  const late = AbortSignal.timeout(8000);
  const closed = server.close().then(() => 'closed');
  const waited = once(late, 'abort').then(() => 'still open');
  assert.equal(await Promise.race([closed, waited]), 'closed');
});

test('garbage closes its sender with a plain reason, and nobody else', async (t) => {
  const run = await start(t);
  const healthy = new Ear(run, { events: 0, rollouts: 0 });
  const cases: [string | Buffer, RegExp][] = [
    ['{', /not valid JSON/],
    ['[]', /not one of ours/],
    ['{"type":"dance"}', /not one of ours/],
    ['{"type":"subscribe","events":-1,"rollouts":0}', /not one of ours \(events\)/],
    ['{"type":"subscribe","events":0.5,"rollouts":0}', /not one of ours \(events\)/],
    ['{"type":"command","id":"","command":"stop"}', /not one of ours \(id\)/],
    ['{"type":"command","id":"1","command":"rm -rf"}', /not one of ours \(command\)/],
    [Buffer.from([1, 2, 3]), /are text/],
    [`"${'x'.repeat(100_000)}"`, /65536 bytes at most/],
  ];
  for (const [garbage, reason] of cases) {
    const ear = new Ear(run);
    await once(ear.socket, 'open');
    ear.socket.send(garbage);
    const closed = await ear.closed;
    assert.equal(closed.code, closeCodes.message);
    assert.match(closed.reason, reason);
    assert.equal(ear.messages[0]?.type, 'error');
  }
  const huge = new Ear(run);
  await once(huge.socket, 'open');
  huge.say('x'.repeat(3_000_000));
  assert.equal((await huge.closed).code, 1009);
  const twice = new Ear(run, { events: 0, rollouts: 0 });
  await once(twice.socket, 'open');
  twice.say({ type: 'subscribe', events: 0, rollouts: 0 });
  assert.match((await twice.closed).reason, /subscribed already/);
  // Bytes that aren't WebSocket frames at all.
  const raw = new Ear(run);
  await once(raw.socket, 'open');
  const tcp: unknown = Reflect.get(raw.socket, '_socket');
  assert.ok(tcp && typeof tcp === 'object' && 'write' in tcp && typeof tcp.write === 'function');
  Reflect.apply(tcp.write, tcp, [Buffer.from('GET / HTTP/1.1\r\n\r\n')]);
  await raw.closed;

  await addRound(run.writer, 1);
  await until('the healthy one still hears', () => healthy.events.length === 1);
  healthy.socket.close();
});

test('commands are passed on and answered, whatever comes of them', async (t) => {
  const run = await start(t, {
    onCommand: ({ command, args }) => {
      if (command === 'set') return Promise.reject(new Error('no such key'));
      return Promise.resolve({ outcome: 'applied', message: `${command} ${JSON.stringify(args)}` });
    },
  });
  const ear = new Ear(run);
  await once(ear.socket, 'open');
  ear.say({ type: 'command', id: 'a', command: 'step', args: { count: 2 } });
  ear.say({ type: 'command', id: 'b', command: 'set', args: { nope: 1 } });
  await until('both are answered', () => ear.messages.length === 2);
  assert.deepEqual(ear.messages, [
    { type: 'answer', id: 'a', outcome: 'applied', message: 'step {"count":2}' },
    { type: 'answer', id: 'b', outcome: 'refused', message: 'no such key' },
  ]);
  ear.socket.close();
});

/** Bytes of buffers that are really in use. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  assert.ok(typeof gc === 'function');
  Reflect.apply(gc, undefined, []);
  return process.memoryUsage().arrayBuffers;
}

test('a viewer that stops reading costs a frame of memory and delays nobody', async (t) => {
  const run = await start(t);
  const stalled = new Ear(run, { events: 0, rollouts: 0 });
  await until('it is connected', () => stalled.rollouts.length === 1);
  stalled.socket.pause();
  const reading = new Ear(run, { events: 0, rollouts: 0 });
  reading.keep = false;
  const before = memory();
  const started = performance.now();
  let largest = 0;
  for (let step = 1; step <= 120; step++) {
    const { size } = run.writer;
    await addRound(run.writer, step, 3000);
    largest = Math.max(largest, run.writer.size.rollouts - size.rollouts);
  }
  const wrote = performance.now() - started;
  await until(
    'the other one has it all',
    () => reading.offsets.rollouts === run.writer.size.rollouts,
  );
  const written = run.writer.size.rollouts;
  assert.ok(written > 30_000_000, `${written} bytes`);
  assert.ok(stalled.offsets.rollouts < written / 2, 'the stalled viewer read on');
  // What is no longer held is freed in the background; what is held stays, however long one waits.
  let grown = memory() - before;
  for (let i = 0; i < 50 && grown >= 3 * largest; i++) {
    await sleep(100);
    grown = memory() - before;
  }
  t.diagnostic(`${written} bytes written in ${wrote.toFixed(0)} ms, memory grown by ${grown}`);
  assert.ok(grown < 3 * largest, `memory grew by ${grown}, the largest frame has ${largest}`);
  stalled.socket.resume();
  await until('it catches up', () => stalled.offsets.rollouts === written);
  stalled.socket.close();
  reading.socket.close();
});

test('a viewer that gives no sign of life is dropped', async (t) => {
  const run = await start(t, { pingMs: 50 });
  const dead = new Ear(run, { events: 0, rollouts: 0 }, { autoPong: false });
  const alive = new Ear(run, { events: 0, rollouts: 0 });
  await once(alive.socket, 'open');
  assert.equal((await dead.closed).code, 1006);
  await sleep(300);
  assert.equal(alive.socket.readyState, WebSocket.OPEN);
  alive.socket.close();
});

test('when the engine ends, viewers get the rest and are told so', async (t) => {
  const run = await start(t);
  const ear = new Ear(run, { events: 0, rollouts: 0 });
  await once(ear.socket, 'open');
  for (let step = 1; step <= 10; step++) await addRound(run.writer, step);
  await run.writer.event({ type: 'run_finished', reason: 'stopped' });
  await run.server.close();
  assert.equal((await ear.closed).code, closeCodes.ended);
  assert.deepEqual(ear.offsets, run.writer.size);
});

test('routes are behind the same guard, and answer in JSON', async (t) => {
  const { server } = await start(t, {
    routes: {
      'GET /v1/models': () => Promise.resolve({ data: [{ id: 'policy' }] }),
      'POST /v1/completions': ({ body }) => {
        if (body === undefined) return Promise.reject(new HttpError(400, 'prompt is missing'));
        return Promise.resolve({ echo: body });
      },
      'POST /v1/broken': () => Promise.reject(new Error('it broke')),
    },
  });
  const authorization = `Bearer ${server.token}`;
  const call = async (
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${server.url}${path}`, { headers: { authorization }, ...init });
    return { status: response.status, body: await response.json() };
  };
  assert.deepEqual(await call('/v1/models'), { status: 200, body: { data: [{ id: 'policy' }] } });
  const posted = { method: 'POST', body: JSON.stringify({ prompt: 'ü' }) };
  assert.deepEqual(await call('/v1/completions', posted), {
    status: 200,
    body: { echo: { prompt: 'ü' } },
  });
  const expect = async (path: string, init: RequestInit, status: number, text: RegExp) => {
    const answer = await call(path, init);
    assert.equal(answer.status, status);
    assert.match(JSON.stringify(answer.body), text);
  };
  await expect('/v1/models', { headers: {} }, 401, /token/);
  await expect('/v1/models', { headers: { authorization, origin: 'http://x' } }, 403, /Web pages/);
  await expect('/v1/completions', { method: 'POST' }, 400, /prompt is missing/);
  await expect('/v1/completions', { method: 'POST', body: '{' }, 400, /not valid JSON/);
  await expect('/v1/completions', {}, 405, /does not take GET/);
  await expect('/v1/other', {}, 404, /nothing at/);
  await expect('/v1/broken', { method: 'POST' }, 500, /it broke/);
  const large = { method: 'POST', body: 'x'.repeat(5_000_000) };
  await expect('/v1/completions', large, 413, /larger than/);
  // A name that was rebound to 127.0.0.1; `fetch` would not let the header be set.
  const rebound = request(`${server.url}/v1/models`, {
    headers: { authorization, host: 'evil.example' },
  }).end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    rebound.once('response', resolve).once('error', reject);
  });
  assert.equal(response.statusCode, 403);
  rebound.destroy();
});
