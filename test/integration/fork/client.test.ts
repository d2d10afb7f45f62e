import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import { PlainError } from '../../../src/common/errors.ts';
import { CancelledError } from '../../../src/launch/engine-process.ts';
import { CompletionClient, RefusedError, type Server } from '../../../src/views/fork/client.ts';

/** The client against servers that fail in every way there is, over real sockets. */

const request = { prompt: '1+1=', n: 2, temperature: 1, max_tokens: 4 };
const choice = { text: '2', finish_reason: 'stop', logprobs: null };
const never = new AbortController().signal;

type Handler = (body: string, response: ServerResponse, request: IncomingMessage) => void;

async function serverOf(t: TestContext, handler: Handler, patch: Partial<Server> = {}) {
  const http = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (text: string) => (body += text));
    incoming.on('end', () => handler(body, response, incoming));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = z.custom<AddressInfo>((value) => value !== null).parse(http.address());
  const baseUrl = `http://127.0.0.1:${port}/v1/`;
  const server: Server = { name: 'box', baseUrl, apiKey: 'secret', model: 'm', own: false };
  return { http, client: new CompletionClient({ ...server, ...patch }, 1000) };
}

const json = (response: ServerResponse, value: unknown, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof value === 'string' ? value : JSON.stringify(value));
};

async function failure(work: Promise<unknown>): Promise<PlainError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PlainError, String(error));
  assert.ok(error.next !== '' || error instanceof CancelledError);
  return error;
}

test('a server that refuses says so in its own words, with what to do', async (t) => {
  const statuses: [number, RegExp][] = [
    [401, /key/],
    [403, /key/],
    [404, /address and its model/],
    [429, /try again/],
    [500, /its log/],
    [418, /what you ask/],
  ];
  for (const [status, next] of statuses) {
    const { client } = await serverOf(t, (_, response) =>
      json(response, { error: { message: 'computer says no' } }, status),
    );
    const error = await failure(client.sample(request, never));
    assert.ok(error instanceof RefusedError);
    assert.equal(error.message, `box refused (${status}): computer says no`);
    assert.match(error.next, next);
  }
});

test('a trainer that does not sample on request is no matter of addresses', async (t) => {
  // 503: its parameters lie on several GPUs.
  for (const status of [404, 405, 501, 503]) {
    const { client } = await serverOf(t, (_, response) => json(response, { error: {} }, status), {
      own: true,
    });
    assert.match((await failure(client.sample(request, never))).next, /another server/);
  }
});

test('a server that is down, silent or dripping is given up', async (t) => {
  const { http, client } = await serverOf(t, (_, response) => response.destroy());
  assert.match((await failure(client.sample(request, never))).message, /can’t be reached/);
  http.close();
  http.closeAllConnections();
  const down = await failure(client.sample(request, never));
  assert.match(down.message, /^box can’t be reached at http:.*:/);

  const silent = await serverOf(t, () => undefined);
  const began = Date.now();
  assert.match((await failure(silent.client.sample(request, never))).message, /within 1 seconds/);
  // The head comes at once, the rest a blank at a time: the time is up for the whole.
  const dripping = await serverOf(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const drip = setInterval(() => response.write(' '), 50);
    response.once('close', () => clearInterval(drip));
  });
  assert.match((await failure(dripping.client.sample(request, never))).message, /within 1 seconds/);
  assert.ok(Date.now() - began < 5000);
});

test('cancelling hangs up at once', async (t) => {
  let hungUp: Promise<unknown> = Promise.resolve();
  const { client } = await serverOf(t, (_, response) => {
    hungUp = new Promise((resolve) => response.once('close', resolve));
    setTimeout(() => cancel.abort(), 20);
  });
  const cancel = new AbortController();
  const began = Date.now();
  assert.ok((await failure(client.sample(request, cancel.signal))) instanceof CancelledError);
  assert.ok(Date.now() - began < 900);
  await hungUp;
  assert.ok((await failure(client.sample(request, cancel.signal))) instanceof CancelledError);
});

test('nonsense is called so', async (t) => {
  const answers: [string, string][] = [
    ['text/html', '<!doctype html><h1>Welcome</h1>'],
    ['application/json', '{"choices": [{"text": "2", "logprobs": NaN}]}'],
    ['application/json', '{"choices": ['],
    ['application/json', '[]'],
    ['application/json', '{"choices": []}'],
    ['application/json', '"2"'],
    ['application/json', 'null'],
    ['text/plain', ''],
  ];
  for (const [type, body] of answers) {
    const { client } = await serverOf(t, (_, response) => {
      response.writeHead(200, { 'content-type': type });
      response.end(body);
    });
    const error = await failure(client.sample(request, never));
    assert.match(error.message, /^The server did not answer with completions/, body);
  }
});

test('an answer without end is cut off', async (t) => {
  const { client } = await serverOf(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(1 << 20, 'x');
    const more = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  const error = await failure(client.sample(request, never));
  assert.match(error.message, /more than \d+ bytes|within 1 seconds|can’t be reached/);
});

test('as many continuations as were asked for, whatever a server gives at a time', async (t) => {
  let asked = 0;
  const one = await serverOf(t, (_, response) => {
    asked++;
    json(response, { model: 'm', choices: [choice] });
  });
  const answer = await one.client.sample({ ...request, n: 3 }, never);
  assert.equal(answer.continuations.length, 3);
  assert.equal(asked, 3);
  const many = await serverOf(t, (_, response) =>
    json(response, { choices: Array.from({ length: 9 }, () => choice) }),
  );
  assert.equal((await many.client.sample(request, never)).continuations.length, 2);
});

test('a server that wants none of the extras is asked without them', async (t) => {
  const bodies: unknown[] = [];
  const { client } = await serverOf(t, (body, response, { headers }) => {
    assert.equal(headers.authorization, 'Bearer secret');
    const asked = z.record(z.string(), z.unknown()).parse(JSON.parse(body));
    bodies.push(asked);
    const extra = Object.keys(asked).find((key) => key.startsWith('return_'));
    const message = `Unrecognized request argument supplied: ${extra ?? ''}`;
    if (extra === undefined) json(response, { model: 'm-1', choices: [choice, choice] });
    else json(response, { error: { message } }, 400);
  });
  const answer = await client.sample(request, never);
  assert.equal(answer.model, 'm-1');
  assert.deepEqual(bodies.at(-1), { model: 'm', ...request, logprobs: 5, stream: false });
  const shy = await serverOf(t, (body, response) => {
    if (body.includes('logprobs')) json(response, { error: { message: 'no logprobs here' } }, 400);
    else json(response, { choices: [choice, choice] });
  });
  assert.equal((await shy.client.sample(request, never)).continuations[0]?.tokens, null);
});

test('no key is no key, and the first model is the one', async (t) => {
  const open = await serverOf(
    t,
    (body, response, { url, headers }) => {
      assert.equal(headers.authorization, undefined);
      assert.equal(headers['openai-organization'], undefined);
      if (url === '/v1/models') json(response, { object: 'list', data: [{ id: 'the one' }] });
      else {
        assert.match(body, /"model":"the one"/);
        json(response, { choices: [choice, choice] });
      }
    },
    { apiKey: null, model: '' },
  );
  process.env.OPENAI_ORG_ID = 'an organization of the environment';
  t.after(() => delete process.env.OPENAI_ORG_ID);
  assert.equal((await open.client.sample(request, never)).model, 'the one');
  const none = await serverOf(t, (_, response) => json(response, { data: [] }), { model: '' });
  assert.match((await failure(none.client.sample(request, never))).message, /which models/);
});

test('what an endpoint lacks is null; what it gets wrong is an error', async (t) => {
  const lacking = await serverOf(t, (_, response) => json(response, { error: {} }, 404));
  assert.equal(await lacking.client.tokenize('1', never), null);
  assert.equal(await lacking.client.detokenize([1], never), null);
  assert.equal(await lacking.client.rewards({ prompt_id: 'p', completions: [] }, never), null);
  const strange = await serverOf(t, (_, response, { url }) => {
    assert.equal(url, '/tokenize', 'at the root, not below /v1');
    json(response, { tokens: ['1'] });
  });
  await failure(strange.client.tokenize('1', never));
  const foreign = await serverOf(t, (_, response) =>
    json(response, { error: { message: 'This run has no prompt "p".' } }, 404),
  );
  const error = await failure(foreign.client.rewards({ prompt_id: 'p', completions: [] }, never));
  assert.ok(error instanceof RefusedError && error.status === 404);
});
