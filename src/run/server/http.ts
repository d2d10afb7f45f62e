import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../common/errors.ts';

/** The HTTP half of the server: JSON in, JSON out, errors in the dialect of the OpenAI API. */

/** An error a route answers with, instead of a plain 500. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

export interface RouteRequest {
  /** The parsed body; undefined where there was none. */
  body: unknown;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

/** Answers with a value to be sent as JSON; throws `HttpError` for anything but 200. */
export type Route = (request: RouteRequest) => Promise<unknown>;

/** Routes by method and path: `POST /v1/completions`. */
export type Routes = Readonly<Record<string, Route>>;

const MAX_BODY = 4 * 1024 * 1024;

export function sendError(response: ServerResponse, status: number, message: string): void {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  send(response, status, { error: { message, type, code: status } });
}

function send(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(text);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new HttpError(400, 'The body could not be read.');
    length += chunk.length;
    if (length > MAX_BODY) throw new HttpError(413, `The body is larger than ${MAX_BODY} bytes.`);
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
  try {
    const json: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return json;
  } catch {
    throw new HttpError(400, 'The body is not valid JSON.');
  }
}

/** Answers one request that may pass. Never rejects. */
export async function answer(
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const aborted = new AbortController();
  response.once('close', () => aborted.abort());
  try {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const method = request.method ?? 'GET';
    const route = routes[`${method} ${pathname}`];
    if (!route) {
      const known = Object.keys(routes).some((each) => each.endsWith(` ${pathname}`));
      throw known
        ? new HttpError(405, `${pathname} does not take ${method}.`)
        : new HttpError(404, `There is nothing at ${pathname}.`);
    }
    const body = await readBody(request);
    send(response, 200, await route({ body, signal: aborted.signal }));
  } catch (error) {
    // What is left of a body that was not read to its end can't be told from another request.
    if (!request.complete) response.setHeader('connection', 'close');
    sendError(response, error instanceof HttpError ? error.status : 500, messageOf(error));
  }
}
