import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { PlainError } from '../../../src/common/errors.ts';
import { HostChannel } from '../../../src/views/channel.ts';
import type { HostMessage } from '../../../src/views/channel.ts';

const schemas = { double: z.object({ value: z.number() }), fail: z.null(), nothing: z.null() };
interface Protocol {
  requests: {
    double: { params: z.infer<typeof schemas.double>; result: number };
    fail: { params: null; result: never };
    nothing: { params: null; result: undefined };
  };
  events: { grew: { by: number } };
}

function open() {
  const sent: HostMessage[] = [];
  const problems: string[] = [];
  let listener: ((message: unknown) => void) | null = null;
  const channel = new HostChannel<Protocol>(
    {
      postMessage: (message) => {
        sent.push(message);
        return Promise.resolve(true);
      },
      onDidReceiveMessage: (hears) => {
        listener = hears;
        return { dispose: () => (listener = null) };
      },
    },
    schemas,
    {
      double: ({ value }) => Promise.resolve(2 * value),
      fail: () => {
        throw new PlainError('The run is gone.', 'Start it again.');
      },
      nothing: () => undefined,
    },
    (message) => problems.push(message),
  );
  const say = async (message: unknown) => {
    listener?.(message);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { channel, sent, problems, say };
}

test('a request is answered under its own id', async () => {
  const { sent, say } = open();
  await say({ id: 7, method: 'double', params: { value: 21 } });
  assert.deepEqual(sent, [{ id: 7, ok: 42 }]);
});

test('a method without a result answers null, so that the answer survives the wire', async () => {
  const { sent, say } = open();
  await say({ id: 1, method: 'nothing', params: null });
  assert.deepEqual(sent, [{ id: 1, ok: null }]);
});

test('what a handler throws becomes a sentence and a next step, and is logged', async () => {
  const { sent, problems, say } = open();
  await say({ id: 1, method: 'fail', params: null });
  assert.deepEqual(sent, [
    { id: 1, err: { message: 'The run is gone.', next: 'Start it again.' } },
  ]);
  assert.equal(problems.length, 1);
});

test('wrong parameters and unknown methods are refused, never run', async () => {
  const { sent, say } = open();
  await say({ id: 1, method: 'double', params: { value: 'x' } });
  await say({ id: 2, method: 'toString', params: null });
  await say({ id: 3, method: '__proto__', params: null });
  assert.equal(sent.length, 3);
  assert.ok(sent.every((message) => 'err' in message));
});

test('garbage is logged and not answered', async () => {
  const { sent, problems, say } = open();
  const garbage = [null, 1, 'x', [], {}, { id: 'x', method: 'double' }, { id: 1.5, method: 'd' }];
  for (const message of garbage) await say(message);
  assert.deepEqual(sent, []);
  assert.equal(problems.length, garbage.length);
});

test('after dispose nothing is heard or said', async () => {
  const { channel, sent, say } = open();
  channel.send('grew', { by: 1 });
  channel.dispose();
  channel.send('grew', { by: 2 });
  await say({ id: 1, method: 'double', params: { value: 1 } });
  assert.deepEqual(sent, [{ event: 'grew', payload: { by: 1 } }]);
});
