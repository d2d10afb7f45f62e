import { randomInt, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { PlainError } from '../common/errors.ts';
import {
  DETOKENIZE,
  TOKENIZE,
  detokenizeRequest,
  tokenizeRequest,
  type choiceUncertainty,
} from '../run/model/endpoint.ts';
import type { Alternatives } from '../run/model/segment.ts';
import { HttpError, type Routes } from '../run/server.ts';
import { RolloutPlan, strategyDefaults } from '../strategy/index.ts';
import type { GeneratedSegment, Tokenizer } from './compute/index.ts';
import { RunEndedError, type SafePoints } from './control.ts';
import type { Model } from './model.ts';

/**
 * The OpenAI completions dialect over the current policy: `POST /v1/completions` and
 * `GET /v1/models`, for the `openai` client, and what `run/model/endpoint.ts` adds to it. Log
 * probabilities are those at temperature 1, whatever
 * the sampling temperature, as vLLM has them by default; so are vLLM's `return_token_ids` and
 * `return_tokens_as_token_ids` here, because text alone does not say which tokens it was.
 */
export function completionRoutes(model: Model, name: string, safePoints: SafePoints): Routes {
  const created = now();
  let waiting = 0;
  return {
    'GET /v1/models': () =>
      Promise.resolve({
        object: 'list',
        data: [{ id: name, object: 'model', created, owned_by: 'adaptive-grpo' }],
      }),

    'POST /v1/completions': async ({ body, signal }) => {
      const request = parseRequest(body, name);
      const prompts = promptsOf(request, model);
      // Training waits while we generate: nobody may have it wait for ever.
      if (waiting >= MAX_WAITING) throw new HttpError(429, 'Too many requests wait already.');
      waiting++;
      try {
        return await safePoints.atSafePoint(() => complete(model, name, request, prompts, signal));
      } catch (error) {
        if (error instanceof RunEndedError) throw new HttpError(503, error.message);
        throw error;
      } finally {
        waiting--;
      }
    },

    [`POST ${TOKENIZE}`]: ({ body }) => {
      const { prompt } = parseBody(tokenizeRequest, body);
      const tokens = Array.from(encode(model.tokenizer, prompt));
      return Promise.resolve({ tokens, count: tokens.length });
    },

    [`POST ${DETOKENIZE}`]: ({ body }) => {
      const { tokens } = parseBody(detokenizeRequest, body);
      checkIds(tokens, model);
      return Promise.resolve({ prompt: model.tokenizer.decode(tokens) });
    },
  };
}

const MAX_WAITING = 16;
/** Tokens one request may bring and ask for. */
const MAX_TOKENS = 1 << 16;

const requestSchema = z.object({
  model: z.string().optional(),
  prompt: z.union([
    z.string(),
    z.array(z.string()).min(1),
    z.array(z.number().int().nonnegative()).min(1),
    z.array(z.array(z.number().int().nonnegative()).min(1)).min(1),
  ]),
  max_tokens: z.number().int().min(1).nullish(),
  temperature: z.number().min(0).max(100).nullish(),
  n: z.number().int().min(1).max(128).nullish(),
  logprobs: z.number().int().min(0).max(50).nullish(),
  seed: z.number().int().min(0).max(0xffffffff).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
  return_token_ids: z.boolean().nullish(),
  return_tokens_as_token_ids: z.boolean().nullish(),
  return_uncertainty: z.boolean().nullish(),
  // What would change the answer and isn't there is refused rather than ignored.
  stream: z.literal(false).nullish(),
  echo: z.literal(false).nullish(),
  suffix: z.literal('').nullish(),
  best_of: z.literal(1).nullish(),
  top_p: z.literal(1).nullish(),
  frequency_penalty: z.literal(0).nullish(),
  presence_penalty: z.literal(0).nullish(),
});
type CompletionRequest = z.infer<typeof requestSchema>;

/** @throws HttpError 400 that names what is wrong */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const key = issue?.path.join('.') ?? '';
  throw new HttpError(400, `${key === '' ? 'The body' : `\`${key}\``}: ${issue?.message ?? ''}.`);
}

function parseRequest(body: unknown, name: string): CompletionRequest {
  const request = parseBody(requestSchema, body);
  const { model } = request;
  if (model !== undefined && model !== name) {
    throw new HttpError(404, `There is no model ${JSON.stringify(model)} here, only ${name}.`);
  }
  return request;
}

/** Token ids of every prompt, each short enough to be continued. */
function promptsOf({ prompt }: CompletionRequest, model: Model): Int32Array[] {
  const { tokenizer, limits } = model;
  const given: (string | number[])[] = [];
  if (typeof prompt === 'string') given.push(prompt);
  else {
    const numbers = prompt.filter((each) => typeof each === 'number');
    if (numbers.length > 0) given.push(numbers);
    else given.push(...prompt.filter((each) => typeof each !== 'number'));
  }
  return given.map((each) => {
    const ids = typeof each === 'string' ? encode(tokenizer, each) : Int32Array.from(each);
    if (ids.length === 0) throw new HttpError(400, 'A prompt is empty.');
    if (ids.length >= limits.positions) {
      throw new HttpError(
        400,
        `A prompt has ${ids.length} tokens; the model takes ${limits.positions} with the completion.`,
      );
    }
    checkIds(ids, model);
    return ids;
  });
}

function checkIds(ids: ArrayLike<number>, { limits }: Model): void {
  const foreign = Array.from(ids).find((id) => id >= limits.vocabulary);
  if (foreign !== undefined) throw new HttpError(400, `There is no token ${foreign}.`);
}

function encode(tokenizer: Tokenizer, text: string): Int32Array {
  try {
    return tokenizer.encode(text);
  } catch (error) {
    if (error instanceof PlainError) throw new HttpError(400, error.message);
    throw error;
  }
}

async function complete(
  { pool, tokenizer, limits }: Model,
  name: string,
  request: CompletionRequest,
  prompts: readonly Int32Array[],
  signal: AbortSignal,
): Promise<unknown> {
  const count = request.n ?? 1;
  const room = limits.positions - Math.max(...prompts.map((prompt) => prompt.length));
  const max_completion_length = Math.min(request.max_tokens ?? 16, room);
  const sum = (lengths: number[]) => lengths.reduce((total, length) => total + length, 0);
  const prompt_tokens = sum(prompts.map((prompt) => prompt.length));
  // What a round takes of the memory, the trainer never gives back.
  if (prompt_tokens + count * prompts.length * max_completion_length > MAX_TOKENS) {
    throw new HttpError(400, `That is more than ${MAX_TOKENS} tokens at once.`);
  }
  const temperature = request.temperature ?? 1;
  const plain = { ...strategyDefaults, use_token_adaptive: false };
  const strategy = { ...plain, num_generations: count, temperature };
  const { segments } = await pool.generate({
    prompts,
    plan: new RolloutPlan(strategy, prompts.length, () => 0),
    thresholds: strategy,
    max_completion_length,
    // What `train_logprob` is at.
    temperature: 1,
    seed: request.seed ?? randomInt(2 ** 32),
    step: 0,
    // Every token counts as unsure: alternatives are asked for all of them.
    capture: { top_k: request.logprobs ?? 0, below: 2 },
    signal,
  });
  const stops = [request.stop ?? []].flat();
  const choices = segments
    .toSorted((a, b) => a.segment - b.segment)
    .map((segment, index) => {
      const prompt_ids = prompts[segment.tree] ?? new Int32Array();
      return { index, ...choiceOf(segment, prompt_ids, stops, request, tokenizer) };
    });
  const completion_tokens = sum(segments.map(({ token_ids }) => token_ids.length));
  return {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: now(),
    model: name,
    choices,
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

function choiceOf(
  segment: GeneratedSegment,
  prompt_ids: Int32Array,
  stops: readonly string[],
  request: CompletionRequest,
  tokenizer: Tokenizer,
) {
  const whole = tokenizer.decodeWithEnds(segment.token_ids);
  const characters = Array.from(whole.text);
  const end = firstStop(whole.text, stops);
  // Tokens that reach beyond the stop go with it.
  const length =
    end === null ? segment.token_ids.length : whole.token_ends.findIndex((each) => each > end);
  const tokens = Array.from({ length }, (_, i) => ({
    id: segment.token_ids[i] ?? 0,
    from: whole.token_ends[i - 1] ?? 0,
    to: whole.token_ends[i] ?? 0,
  }));
  const named = request.return_tokens_as_token_ids === true;
  const nameOf = (id: number, text: string) => (named ? `token_id:${id}` : text);
  const logprobs =
    request.logprobs === undefined || request.logprobs === null
      ? null
      : {
          tokens: tokens.map(({ id, from, to }) => nameOf(id, characters.slice(from, to).join(''))),
          token_logprobs: tokens.map((_, i) => segment.train_logprob[i] ?? 0),
          top_logprobs: tokens.map(({ id, from, to }, i) => ({
            ...alternatives(segment.top.get(i), (each) => nameOf(each, tokenizer.decode([each]))),
            [nameOf(id, characters.slice(from, to).join(''))]: segment.train_logprob[i] ?? 0,
          })),
          text_offset: tokens.map(({ from }) => characters.slice(0, from).join('').length),
        };
  return {
    text: end === null ? whole.text : characters.slice(0, end).join(''),
    logprobs,
    finish_reason: end !== null || segment.status === 'complete' ? 'stop' : 'length',
    ...(request.return_token_ids === true
      ? { token_ids: tokens.map(({ id }) => id), prompt_token_ids: Array.from(prompt_ids) }
      : {}),
    ...(request.return_uncertainty === true
      ? { uncertainty: uncertaintyOf(segment, tokens.length) }
      : {}),
  };
}

function uncertaintyOf(
  segment: GeneratedSegment,
  length: number,
): z.infer<typeof choiceUncertainty> {
  const first = (values: Float32Array) => Array.from(values.subarray(0, length));
  const { entropy, max_prob, logprob } = segment;
  return { entropy: first(entropy), max_prob: first(max_prob), sampled_logprob: first(logprob) };
}

/** Where the first stop word begins, in code points; null without one. */
function firstStop(text: string, stops: readonly string[]): number | null {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length === 0 ? null : Array.from(text.slice(0, Math.min(...found))).length;
}

/** By text; of two tokens that read the same, the likelier one. */
function alternatives(
  top: Alternatives | undefined,
  nameOf: (id: number) => string,
): Record<string, number> {
  const entries = Array.from(top?.ids ?? [], (id, i): [string, number] => [
    nameOf(id),
    top?.logprobs[i] ?? 0,
  ]);
  return Object.fromEntries(entries.toReversed());
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
