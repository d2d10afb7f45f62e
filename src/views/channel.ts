import type { z } from 'zod';
import { PlainError, messageOf } from '../common/errors.ts';

/**
 * The message channel between the extension host and a webview, the same for every view.
 *
 * The webview asks, the host answers (every request settles with `ok` or `err`), and the host
 * notifies. What a webview says is untrusted: the host parses `params` with the method's schema.
 * Each view declares both directions in its own `protocol.ts`:
 *
 * ```ts
 * export const schemas = { tree: z.object({ step: z.number().int() }) };
 * export interface Protocol {
 *   requests: { tree: { params: z.infer<typeof schemas.tree>; result: Tree } };
 *   events: { changed: { step: number } };
 * }
 * ```
 *
 * Payloads travel as JSON, typed arrays beside it: NaN becomes null, and what is undefined is gone.
 */
export interface ProtocolShape {
  requests: Record<string, { params: unknown; result: unknown }>;
  events: Record<string, unknown>;
}

/** The protocol that a view's schemas spell out: of requests, of their results, of events. */
export interface ProtocolOf<
  Requests extends Record<string, z.ZodType>,
  Results extends Record<keyof Requests, z.ZodType>,
  Events extends Record<string, z.ZodType>,
> {
  requests: {
    [M in keyof Requests]: { params: z.infer<Requests[M]>; result: z.infer<Results[M]> };
  };
  events: { [E in keyof Events]: z.infer<Events[E]> };
}

/** Webview → host. `id` is chosen by the webview, unique within its lifetime. */
export interface RequestMessage {
  id: number;
  method: string;
  params: unknown;
}

/** A sentence for a person, and what to do next ('' where there is nothing to do). */
export interface ChannelError {
  message: string;
  next: string;
}

/** Host → webview. `ok` is null where a method returns nothing. */
export type ResponseMessage = { id: number; ok: unknown } | { id: number; err: ChannelError };
export interface EventMessage {
  event: string;
  payload: unknown;
}
export type HostMessage = ResponseMessage | EventMessage;

/** One schema a method; `P['requests'][method]['params']` is what it yields. */
export type Schemas<P extends ProtocolShape> = {
  readonly [M in keyof P['requests']]: z.ZodType<P['requests'][M]['params']>;
};

/** One handler a method; whatever it throws becomes the answer's `err`. */
export type Handlers<P extends ProtocolShape> = {
  readonly [M in keyof P['requests']]: (
    params: P['requests'][M]['params'],
  ) => P['requests'][M]['result'] | PromiseLike<P['requests'][M]['result']>;
};

/** The part of `vscode.Webview` the channel needs. */
export interface Port {
  postMessage(message: HostMessage): PromiseLike<boolean>;
  onDidReceiveMessage(listener: (message: unknown) => void): { dispose(): void };
}

/** The host's end. Belongs to one webview; dispose it with that webview. */
export class HostChannel<P extends ProtocolShape> {
  readonly #port: Port;
  readonly #problem: (message: string) => void;
  readonly #methods = new Map<string, (params: unknown) => Promise<unknown>>();
  readonly #subscription: { dispose(): void };
  #disposed = false;

  /** `problem` hears of messages that are no requests and of failed requests, for the log. */
  constructor(
    port: Port,
    schemas: Schemas<P>,
    handlers: Handlers<P>,
    problem: (message: string) => void,
  ) {
    this.#port = port;
    this.#problem = problem;
    for (const method in schemas) this.#bind(method, schemas[method], handlers[method]);
    this.#subscription = port.onDidReceiveMessage((message) => void this.#receive(message));
  }

  /** Notifies the webview. What is sent to a hidden or closed webview is lost: send snapshots. */
  send<E extends keyof P['events'] & string>(event: E, payload: P['events'][E]): void {
    this.#post({ event, payload });
  }

  dispose(): void {
    this.#disposed = true;
    this.#subscription.dispose();
  }

  #bind<T>(method: string, schema: z.ZodType<T>, handler: (params: T) => unknown): void {
    this.#methods.set(method, async (params) => {
      const parsed = schema.safeParse(params);
      if (!parsed.success)
        throw new Error(`Malformed request “${method}”: ${parsed.error.message}`);
      return await handler(parsed.data);
    });
  }

  async #receive(message: unknown): Promise<void> {
    const request = requestOf(message);
    if (request === null) {
      this.#problem('A webview sent something that is not a request.');
      return;
    }
    const { id, method, params } = request;
    try {
      const run = this.#methods.get(method);
      if (run === undefined) throw new Error(`Unknown request “${method}”.`);
      this.#post({ id, ok: (await run(params)) ?? null });
    } catch (error) {
      this.#problem(`${method}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
      const next = error instanceof PlainError ? error.next : '';
      this.#post({ id, err: { message: messageOf(error), next } });
    }
  }

  #post(message: HostMessage): void {
    if (this.#disposed) return;
    // A webview closed meanwhile answers false or rejects; there is nobody left to tell.
    this.#port.postMessage(message).then(undefined, (error: unknown) => {
      this.#problem(messageOf(error));
    });
  }
}

function requestOf(message: unknown): RequestMessage | null {
  if (typeof message !== 'object' || message === null) return null;
  if (!('id' in message) || !('method' in message)) return null;
  const { id, method } = message;
  if (typeof id !== 'number' || !Number.isInteger(id) || typeof method !== 'string') return null;
  return { id, method, params: 'params' in message ? message.params : undefined };
}
