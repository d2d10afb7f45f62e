import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { test } from 'node:test';
import { z } from 'zod';
import { PlainError } from '../../../src/common/errors.ts';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import type { HostMessage } from '../../../src/views/channel.ts';
import { ColourChoice } from '../../../src/views/colour.ts';
import { allPrompts, results, runHeader } from '../../../src/views/explorer/protocol.ts';
import { ExplorerSession, type RunActions } from '../../../src/views/explorer/session.ts';
import type { RunSource } from '../../../src/views/model/source.ts';
import { manifest } from '../../integration/explorer/runs.ts';
import { cutRow, group, row } from '../../fixtures/segments.ts';

const rows: SegmentRow[] = [
  cutRow({ segment_id: 0 }),
  row({ segment_id: 1, parent_id: 0, fork_at: 6 }),
];

/** A run of one prompt, and a way to say that it changed. */
function source(): { run: RunSource; change: () => void } {
  const listeners = new Set<() => void>();
  const tokensOf = (id: number) => {
    const found = rows.find((one) => one.segment_id === id)?.tokens;
    return found === undefined
      ? Promise.reject(new Error('no such segment'))
      : Promise.resolve(found);
  };
  const run: RunSource = {
    directory: '/runs/one',
    manifest: manifest(),
    status: { kind: 'running' },
    steps: [{ step: 1, time: '', metrics: { reward: 0.5, 'adaptive/truncation_rate': 0.5 } }],
    events: [],
    problems: ['The last 7 bytes of rollouts.arrows are a batch that was never finished.'],
    groups: () => [group({ prompt_id: 'p', resamples: 1 })],
    tree: (step, id) => (step === 1 && id === 'p' ? rows : []),
    tokens: tokensOf,
    strip: async (id, name) => (await tokensOf(id))[name],
    onDidChange: (listener) => {
      const tell = () =>
        listener({
          manifest: false,
          status: false,
          steps: true,
          evaluations: false,
          events: false,
          problems: false,
          groups: [],
        });
      listeners.add(tell);
      return { dispose: () => void listeners.delete(tell) };
    },
  };
  return { run, change: () => listeners.forEach((tell) => tell()) };
}

const actions: RunActions = {
  controllable: () => true,
  command: (command) => Promise.resolve(`${command} will do`),
  openDocument: () => Promise.resolve(),
  siblings: () => Promise.resolve(),
  fork: () => Promise.resolve(),
  colour: new ColourChoice({ get: () => 'advantage', update: () => Promise.resolve() }),
  set: (key, value) => Promise.resolve(`${key}: ${JSON.stringify(value)}`),
  openRecipe: () => Promise.resolve(),
  resume: () => Promise.resolve(),
  showLog: () => undefined,
};

class FakePort {
  readonly sent: HostMessage[] = [];
  #listener: (message: unknown) => void = () => undefined;
  #id = 0;

  postMessage(message: HostMessage): Promise<boolean> {
    this.sent.push(message);
    return Promise.resolve(true);
  }

  onDidReceiveMessage(listener: (message: unknown) => void): { dispose(): void } {
    this.#listener = listener;
    return { dispose: () => (this.#listener = () => undefined) };
  }

  async ask(method: string, params: unknown = {}): Promise<HostMessage | undefined> {
    const id = ++this.#id;
    this.#listener({ id, method, params });
    await setTimeout(5);
    return this.sent.find((message) => 'id' in message && message.id === id);
  }

  get events(): string[] {
    return this.sent.flatMap((message) => ('event' in message ? [message.event] : []));
  }
}

function session(load?: () => Promise<RunSource>) {
  const { run, change } = source();
  const port = new FakePort();
  const problems: string[] = [];
  const made = new ExplorerSession(load ?? (() => Promise.resolve(run)), actions, port, (problem) =>
    problems.push(problem),
  );
  return { session: made, port, change, problems };
}

const ok = z.object({ ok: z.unknown() });

test('opening answers with the run as the header shows it', async () => {
  const { session: open, port } = session();
  const header = runHeader.parse(ok.parse(await port.ask('open')).ok);
  assert.equal(header.step, 1);
  assert.equal(header.truncation_rate, 0.5);
  assert.equal(header.controllable, true);
  assert.deepEqual(header.interesting, { step: 1, prompt_id: 'p' });
  assert.match(header.problems[0] ?? '', /never finished/);
  open.dispose();
});

/** NaN and infinities would become null on their way: outside of typed arrays there must be none. */
function assertFinite(value: unknown): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value));
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  Object.values(value).forEach(assertFinite);
}

test('every answer is what the protocol says, and survives as JSON', async () => {
  const { session: open, port, problems } = session();
  const key = { step: 1, prompt_id: 'p' };
  const asked = {
    prompts: { query: allPrompts, from: 0, to: 10 },
    locate: { query: allPrompts, key },
    tree: key,
    strips: { ...key, segment_ids: [0, 1, 99], mode: 'entropy', stride: 2 },
    path: { ...key, segment_id: 1 },
    token: { ...key, segment_id: 1, position: 7 },
    command: { command: 'pause' },
    recipe: {},
    set: { key: 'temperature', text: '0.9' },
    next_recipe: { changes: [] },
  } as const;
  for (const [method, params] of Object.entries(asked)) {
    const answer = ok.parse(await port.ask(method, params)).ok;
    const schema = Object.entries(results).find(([name]) => name === method)?.[1];
    assert.ok(schema?.safeParse(answer).success, method);
    assertFinite(answer);
  }
  assert.equal(ok.parse(await port.ask('tree', { step: 9, prompt_id: 'p' })).ok, null);
  assert.deepEqual(problems, []);
  open.dispose();
});

test('nonsense is refused in words, and nothing hangs', async () => {
  const { session: open, port, problems } = session();
  for (const [method, params] of [
    ['path', { step: 1, prompt_id: 'p', segment_id: 77 }],
    ['token', { step: 1, prompt_id: 'p', segment_id: 1, position: 10_000 }],
    ['strips', { segment_ids: 'all' }],
    ['prompts', { query: null }],
    ['set', { key: 'temperature', text: '[1' }],
    ['erase', {}],
  ] as const) {
    const answer = await port.ask(method, params);
    assert.ok(answer !== undefined && 'err' in answer, method);
    assert.notEqual(answer.err.message, '');
  }
  assert.equal(problems.length, 6);
  open.dispose();
});

test('updates go to a view that is open and visible, several changes as one', async () => {
  const { session: open, port, change } = session();
  change();
  await setTimeout(250);
  assert.deepEqual(port.events, []);
  await port.ask('open');
  change();
  change();
  change();
  await setTimeout(300);
  assert.deepEqual(port.events, ['colour', 'update']);
  open.visible = false;
  change();
  await setTimeout(300);
  assert.deepEqual(port.events, ['colour', 'update']);
  open.dispose();
  change();
});

test('a place to reveal waits for a view that is still opening', async () => {
  const { session: open, port } = session();
  const target = { step: 1, prompt_id: 'p', segment_id: 1, position: 3 };
  open.reveal(target);
  assert.deepEqual(port.events, []);
  await port.ask('open');
  await setTimeout(10);
  assert.deepEqual(port.events, ['colour', 'reveal']);
  open.reveal(target);
  assert.deepEqual(port.events, ['colour', 'reveal', 'reveal']);
  open.dispose();
});

test('a run that could not be opened is tried again', async () => {
  const { run } = source();
  let tries = 0;
  const { session: open, port } = session(() => {
    tries += 1;
    return tries === 1
      ? Promise.reject(new PlainError('There is no run here.', 'Choose another folder.'))
      : Promise.resolve(run);
  });
  const refused = await port.ask('open');
  assert.ok(refused !== undefined && 'err' in refused);
  assert.deepEqual(refused.err, {
    message: 'There is no run here.',
    next: 'Choose another folder.',
  });
  assert.ok(ok.safeParse(await port.ask('open')).success);
  open.dispose();
});
