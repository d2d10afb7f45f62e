import { t } from '@vscode/l10n';
import * as z from 'zod';
import type { ProtocolShape, RequestMessage } from '../../src/views/channel.ts';
import type { VsCodeApi } from './vscode.ts';

/** The webview's end of the message channel; the host's is `src/views/channel.ts`. */

/** A request that did not succeed: a sentence for a person, and what to do next. */
export class RequestError extends Error {
  readonly next: string;

  constructor(message: string, next: string) {
    super(message);
    this.name = 'RequestError';
    this.next = next;
  }
}

export type ResultSchemas<P extends ProtocolShape> = {
  readonly [M in keyof P['requests']]: z.ZodType<P['requests'][M]['result']>;
};
export type EventSchemas<P extends ProtocolShape> = {
  readonly [E in keyof P['events']]: z.ZodType<P['events'][E]>;
};
export type EventHandlers<P extends ProtocolShape> = {
  readonly [E in keyof P['events']]: (payload: P['events'][E]) => void;
};

const response = z.union([
  z.object({ id: z.number(), err: z.object({ message: z.string(), next: z.string() }) }),
  z.object({ id: z.number(), ok: z.unknown() }),
]);
const event = z.object({ event: z.string(), payload: z.unknown() });

/** Reading a long path from a slow disk may take a while; a host that is gone never answers. */
const PATIENCE_MS = 30_000;

/** Milliseconds to wait for methods that may take longer than reading does. */
export type Patience<P extends ProtocolShape> = { readonly [M in keyof P['requests']]?: number };

interface Waiting {
  settle(ok: unknown): void;
  fail(error: RequestError): void;
}

export class Channel<P extends ProtocolShape> {
  readonly #api: VsCodeApi;
  readonly #results: ResultSchemas<P>;
  readonly #patience: Patience<P>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #events = new Map<string, (payload: unknown) => void>();
  #id = 0;

  constructor(
    api: VsCodeApi,
    results: ResultSchemas<P>,
    events: EventSchemas<P>,
    handlers: EventHandlers<P>,
    patience: Patience<P> = {},
  ) {
    this.#api = api;
    this.#results = results;
    this.#patience = patience;
    for (const name in events) this.#bind(name, events[name], handlers[name]);
    window.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#receive(data));
  }

  /** Rejects with a `RequestError` when the host refuses, does not answer, or answers nonsense. */
  async request<M extends keyof P['requests'] & string>(
    method: M,
    params: P['requests'][M]['params'],
  ): Promise<P['requests'][M]['result']> {
    const id = ++this.#id;
    const message: RequestMessage = { id, method, params };
    const patience = this.#patience[method] ?? PATIENCE_MS;
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(
          new RequestError(
            t('No answer to “{0}” within {1} s.', method, patience / 1000),
            t('Reload the window.'),
          ),
        );
      }, patience);
      this.#waiting.set(id, {
        settle: (ok) => {
          clearTimeout(timer);
          resolve(ok);
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
    this.#api.postMessage(message);
    const parsed = this.#results[method].safeParse(await answer);
    if (parsed.success) return parsed.data;
    const detail = z.prettifyError(parsed.error);
    throw new RequestError(t('The answer to “{0}” makes no sense: {1}', method, detail), '');
  }

  #bind<T>(name: string, schema: z.ZodType<T>, handler: (payload: T) => void): void {
    this.#events.set(name, (payload) => {
      const parsed = schema.safeParse(payload);
      if (!parsed.success) {
        throw new Error(`The host’s “${name}” makes no sense: ${z.prettifyError(parsed.error)}`);
      }
      handler(parsed.data);
    });
  }

  /** Anything else that lands in the page's mailbox is not for us. */
  #receive(data: unknown): void {
    const answer = response.safeParse(data);
    if (answer.success) {
      const waiting = this.#waiting.get(answer.data.id);
      this.#waiting.delete(answer.data.id);
      if ('err' in answer.data) {
        waiting?.fail(new RequestError(answer.data.err.message, answer.data.err.next));
      } else {
        waiting?.settle(answer.data.ok);
      }
      return;
    }
    const notice = event.safeParse(data);
    if (notice.success) this.#events.get(notice.data.event)?.(notice.data.payload);
  }
}
