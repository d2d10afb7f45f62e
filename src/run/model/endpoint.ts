import { z } from 'zod';

/**
 * What an engine's endpoint answers beside the OpenAI dialect (`POST /v1/completions`,
 * `GET /v1/models`), all of it over HTTP with `Authorization: Bearer <token>`. Any trainer may
 * serve these; who asks gets along without them.
 *
 * - `POST /tokenize`, `POST /detokenize`: as vLLM has them. With them a fork is exact: the prompt
 *   goes as the ids it was trained with, followed by the ids that are kept.
 * - `POST /v1/rewards`: what the run's own reward functions say of completions of one of its
 *   prompts. 404 where the run has no such prompt.
 * - `return_uncertainty: true` in a completion request: each choice also has `uncertainty`.
 */
export const TOKENIZE = '/tokenize';
export const DETOKENIZE = '/detokenize';
export const REWARDS = '/v1/rewards';

const tokenIds = z.array(z.number().int().nonnegative());

export const tokenizeRequest = z.object({ prompt: z.string().min(1) });
export const tokenizeAnswer = z.object({ tokens: tokenIds });
export const detokenizeRequest = z.object({ tokens: tokenIds.min(1) });
export const detokenizeAnswer = z.object({ prompt: z.string() });

export const rewardsRequest = z.object({
  /** As in the run's rows; `prompt`, where it is given, must be the prompt of that name. */
  prompt_id: z.string(),
  prompt: z.string().optional(),
  /** Whole completions, from the first token after the prompt: as texts or as token ids. */
  completions: z.array(z.union([z.string(), tokenIds])).max(1024),
});
export type RewardsRequest = z.infer<typeof rewardsRequest>;

export const rewardsAnswer = z.object({
  /** One entry a completion, in their order. */
  data: z.array(
    z.object({
      /** By function; those without an opinion are left out. */
      rewards: z.record(z.string(), z.number()),
      /** Their weighted sum; null where none had an opinion. */
      reward: z.number().nullable(),
    }),
  ),
});
export type RewardsAnswer = z.infer<typeof rewardsAnswer>;

/** Per token of a choice, of the whole distribution: nothing that top-k would only bound. */
export const choiceUncertainty = z.object({
  /** Nats, at temperature 1. */
  entropy: z.array(z.number()),
  /** At temperature 1. */
  max_prob: z.array(z.number()),
  /** At the temperature that was sampled with. */
  sampled_logprob: z.array(z.number()),
});
