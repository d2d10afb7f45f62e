import { t } from '@vscode/l10n';
import OpenAI, {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
} from 'openai';
import type { z } from 'zod';
import { PlainError, messageOf } from '../../common/errors.ts';
import { CancelledError } from '../../launch/engine-process.ts';
import {
  DETOKENIZE,
  REWARDS,
  TOKENIZE,
  detokenizeAnswer,
  rewardsAnswer,
  tokenizeAnswer,
  type RewardsAnswer,
  type RewardsRequest,
} from '../../run/model/endpoint.ts';
import { nonsense, readAnswer, type Answer } from './answer.ts';

/** A server of the OpenAI completions dialect: an engine of ours, or anybody's. */
export interface Server {
  /** For people. */
  name: string;
  /** Ends with `/v1`, as a rule. */
  baseUrl: string;
  /** Null: it wants none. */
  apiKey: string | null;
  /** '': the first one it names. */
  model: string;
  /** One of ours: takes token ids, and knows the whole distribution, the tokenizer and rewards. */
  own: boolean;
}

export interface SampleRequest {
  prompt: string | number[];
  n: number;
  temperature: number;
  max_tokens: number;
}

/** A server that sends more than this sends something else than completions. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Log probabilities asked for: as many as OpenAI's own API gives. */
const LOGPROBS = 5;

/**
 * The one way to any server. Every call settles: with an answer, with a `PlainError` that says
 * what to do, or with a `CancelledError` after `signal`.
 */
export class CompletionClient {
  readonly #server: Server;
  readonly #openai: OpenAI;
  readonly #timeoutMs: number;

  constructor(server: Server, timeoutMs: number) {
    this.#server = server;
    this.#timeoutMs = timeoutMs;
    this.#openai = new OpenAI({
      baseURL: server.baseUrl.replace(/\/+$/, ''),
      apiKey: server.apiKey ?? 'none',
      // What the environment says is meant for OpenAI's own API.
      organization: null,
      project: null,
      adminAPIKey: null,
      logLevel: 'off',
      maxRetries: 0,
      timeout: timeoutMs,
      fetch: limitedFetch,
      ...(server.apiKey === null ? { defaultHeaders: { Authorization: null } } : {}),
    });
  }

  /** The model's name: the one that was given, else the first that the server has. */
  async model(signal: AbortSignal): Promise<string> {
    if (this.#server.model !== '') return this.#server.model;
    const page = await this.#call(signal, (all) => this.#openai.models.list({ signal: all }));
    const [first] = Array.isArray(page.data) ? page.data : [];
    if (typeof first?.id === 'string' && first.id !== '') return first.id;
    throw new PlainError(
      t('{0} does not say which models it has.', this.#server.name),
      t('Name its model in the setting.'),
    );
  }

  /** Asks until there are `n` continuations: some servers give one at a time whatever is asked. */
  async sample(request: SampleRequest, signal: AbortSignal): Promise<Answer> {
    const model = await this.model(signal);
    const answer: Answer = { model, continuations: [] };
    for (let left = request.n; left > 0; left = request.n - answer.continuations.length) {
      const more = await this.#ask({ ...request, n: left }, model, signal);
      if (more.model !== '') answer.model = more.model;
      answer.continuations.push(...more.continuations.slice(0, left));
    }
    return answer;
  }

  async #ask(request: SampleRequest, model: string, signal: AbortSignal): Promise<Answer> {
    const plain = { model, ...request, logprobs: LOGPROBS, stream: false as const };
    const extra = {
      return_token_ids: true,
      ...(this.#server.own ? { return_uncertainty: true, return_tokens_as_token_ids: true } : {}),
    };
    const create = (body: typeof plain) =>
      this.#call(signal, (all) => this.#openai.completions.create(body, { signal: all }));
    try {
      return readAnswer(await create({ ...plain, ...extra }));
    } catch (error) {
      // OpenAI's own API refuses keys it doesn't know, others what they can't tell.
      if (!(error instanceof RefusedError) || ![400, 422].includes(error.status)) throw error;
      if (!/return_token_ids|logprobs|unrecognized|extra/i.test(error.message)) throw error;
      const { logprobs, ...silent } = plain;
      const about = /logprobs/i.test(error.message) ? silent : { ...silent, logprobs };
      const again = (signalled: AbortSignal) =>
        this.#openai.completions.create(about, { signal: signalled });
      return readAnswer(await this.#call(signal, again));
    }
  }

  /** Null where the server doesn't tokenize. */
  async tokenize(prompt: string, signal: AbortSignal): Promise<number[] | null> {
    const answer = await this.#post(TOKENIZE, { prompt }, tokenizeAnswer, signal);
    return answer?.tokens ?? null;
  }

  /** Null where the server doesn't tokenize. */
  async detokenize(tokens: readonly number[], signal: AbortSignal): Promise<string | null> {
    const answer = await this.#post(DETOKENIZE, { tokens }, detokenizeAnswer, signal);
    return answer?.prompt ?? null;
  }

  /** Null where the server doesn't score; rejects with `RefusedError` 404 for a foreign prompt. */
  rewards(request: RewardsRequest, signal: AbortSignal): Promise<RewardsAnswer | null> {
    return this.#post(REWARDS, request, rewardsAnswer, signal, /no prompt/);
  }

  /** Posts to a path of the server's root. Null for 404 and 405, unless the answer says `but`. */
  async #post<T>(
    path: string,
    body: object,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    but?: RegExp,
  ): Promise<T | null> {
    const url = new URL(path, this.#server.baseUrl).href;
    try {
      const answer = await this.#call<unknown>(signal, (all) =>
        this.#openai.post<unknown>(url, { body, signal: all }),
      );
      const parsed = schema.safeParse(answer);
      if (!parsed.success) throw nonsense(parsed.error.issues[0]?.message ?? '');
      return parsed.data;
    } catch (error) {
      const lacks = error instanceof RefusedError && [404, 405].includes(error.status);
      if (lacks && but?.test(error.message) !== true) return null;
      throw error;
    }
  }

  /** The time is up for the whole answer, not for its head alone. */
  async #call<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(this.#timeoutMs);
    const all = AbortSignal.any([signal, late]);
    // What never settles by itself must not keep us waiting either.
    const given = new Promise<never>((_, reject) => {
      const stop = () => reject(new APIUserAbortError());
      if (all.aborted) stop();
      all.addEventListener('abort', stop, { once: true });
    });
    try {
      return await Promise.race([call(all), given]);
    } catch (error) {
      if (signal.aborted) throw new CancelledError();
      throw this.#plain(error, late.aborted);
    }
  }

  #plain(error: unknown, late: boolean): Error {
    const { name, baseUrl } = this.#server;
    if (error instanceof PlainError) return error;
    if (late || error instanceof APIConnectionTimeoutError) {
      return new PlainError(
        t('{0} did not answer within {1} seconds.', name, this.#timeoutMs / 1000),
        t('Ask for fewer or shorter continuations, or raise the time in the settings.'),
        { cause: error },
      );
    }
    if (error instanceof APIConnectionError) {
      const cause = messageOf(error.cause ?? error);
      return new PlainError(
        t('{0} can’t be reached at {1}: {2}', name, baseUrl, cause),
        t('Check that it runs and that the address is right.'),
        { cause: error },
      );
    }
    if (error instanceof APIError && typeof error.status === 'number') {
      return new RefusedError(this.#server, error.status, wordsOf(error), error);
    }
    return nonsense(messageOf(error));
  }
}

/** The server said no. */
export class RefusedError extends PlainError {
  readonly status: number;

  constructor({ name, own }: Server, status: number, words: string, cause: unknown) {
    super(t('{0} refused ({1}): {2}', name, status, words), remedyOf(status, own), { cause });
    this.name = 'RefusedError';
    this.status = status;
  }
}

function remedyOf(status: number, own: boolean): string {
  // Not every trainer samples on request, and not while its parameters lie on several GPUs.
  if (own && [404, 405, 501, 503].includes(status))
    return t('Choose another server to sample from.');
  if (status === 401 || status === 403)
    return t('Set its key: “Set API Key of Completion Server…”.');
  if (status === 404) return t('Check its address and its model in the settings.');
  if (status === 429) return t('It has too much to do; try again in a while.');
  if (status >= 500) return t('Look at its log; the fault is on its side.');
  return t('Change what you ask of it.');
}

/** The client puts the status before what the server said. */
const wordsOf = ({ message, status }: { message: string; status: unknown }): string => {
  const words = message.replace(new RegExp(`^${String(status)} `), '');
  return words.length > 300 ? `${words.slice(0, 300)}…` : words;
};

/** `fetch`, but an answer that is too large ends in an error instead of in no memory. */
async function limitedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  if (response.body === null) return response;
  let bytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > MOST_BYTES) controller.error(new Error(`more than ${MOST_BYTES} bytes`));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(limit), { status, statusText, headers });
}
