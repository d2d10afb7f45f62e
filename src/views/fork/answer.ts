import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';
import { choiceUncertainty } from '../../run/model/endpoint.ts';

/**
 * What a server of the OpenAI completions dialect answers, read with care: there are two ways of
 * spelling log probabilities (OpenAI's own of completions, which vLLM has too; and that of chat
 * completions, which llama.cpp uses for both), and everything but the text may be missing.
 */

/** A token as a server tells of it. */
export interface AnsweredToken {
  /** In the server's vocabulary; null where it says only how it reads. */
  id: number | null;
  text: string;
  /** Natural log, at temperature 1; NaN where the server doesn't say. */
  logprob: number;
  /** Best first; empty where the server doesn't say. The token itself may be among them. */
  top: readonly Pick<AnsweredToken, 'id' | 'text' | 'logprob'>[];
}

export interface Continuation {
  text: string;
  /** Null where the server tells only the text. */
  tokens: readonly AnsweredToken[] | null;
  /** Of the whole distribution, one value a token; null where only the best few are known. */
  exact: z.infer<typeof choiceUncertainty> | null;
  /** Whether it ended by itself; else it ran into `max_tokens`. */
  ended: boolean;
}

export interface Answer {
  model: string;
  continuations: Continuation[];
}

const number = z.number();
const id = z.number().int().nonnegative();
const ids = z.array(id).nullish().catch(null);

const legacy = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(number.nullable()).nullish(),
  top_logprobs: z.array(z.record(z.string(), number).nullable()).nullish(),
  text_offset: z.array(z.number().int()).nullish().catch(null),
});
const entry = z.object({
  id: id.optional(),
  token: z.string(),
  logprob: number.nullable(),
});
const listed = z.object({
  content: z.array(entry.extend({ top_logprobs: z.array(entry).nullish() })),
});

const answerSchema = z.object({
  model: z.string().catch(''),
  choices: z
    .array(
      z.object({
        text: z.string(),
        finish_reason: z.string().nullish(),
        logprobs: z.union([legacy, listed]).nullish().catch(null),
        token_ids: ids,
        uncertainty: choiceUncertainty.nullish().catch(null),
      }),
    )
    .min(1),
});

/** More than this is no continuation that anybody asked for. */
const MOST_TOKENS = 1 << 20;

/** Reads an answer; throws a `PlainError` where it is none. */
export function readAnswer(answer: unknown): Answer {
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = typeof answer === 'object' ? (issue?.path.join('.') ?? '') : '';
    const what = typeof answer === 'string' ? beginning(answer) : (issue?.message ?? '');
    throw nonsense(where === '' ? what : `${where}: ${what}`);
  }
  const { model, choices } = parsed.data;
  return { model, continuations: choices.map(continuationOf) };
}

export function nonsense(what: string): PlainError {
  return new PlainError(
    t('The server did not answer with completions: {0}', what),
    t(
      'Check its address: it must be the base URL of an OpenAI-compatible API, such as http://127.0.0.1:8000/v1.',
    ),
  );
}

const beginning = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

type Choice = z.infer<typeof answerSchema>['choices'][number];

function continuationOf({
  text,
  finish_reason,
  logprobs,
  token_ids,
  uncertainty,
}: Choice): Continuation {
  const said = logprobs ?? null;
  const tokens = said === null ? null : tokensOf(text, said, token_ids);
  const length = tokens?.length ?? 0;
  const known = tokens !== null && length > 0 && length <= MOST_TOKENS;
  const exact = uncertainty ?? null;
  const fits = exact !== null && Object.values(exact).every((values) => values.length === length);
  return {
    text,
    tokens: known ? tokens : null,
    exact: known && fits ? exact : null,
    ended: finish_reason !== 'length',
  };
}

function tokensOf(
  text: string,
  logprobs: NonNullable<Choice['logprobs']>,
  token_ids: Choice['token_ids'],
): AnsweredToken[] {
  if ('content' in logprobs) {
    return logprobs.content.map(({ top_logprobs, ...token }) => ({
      ...entryOf(token),
      top: sorted((top_logprobs ?? []).map(entryOf)),
    }));
  }
  const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs;
  // Lists of unequal lengths don't say which value belongs to which token.
  const sound = token_logprobs?.length === tokens.length;
  const own = token_ids?.length === tokens.length ? token_ids : null;
  return tokens.map((token, i) => {
    const top = top_logprobs?.length === tokens.length ? top_logprobs[i] : null;
    const named = idNamed(token);
    return {
      id: own?.[i] ?? named,
      text: named === null ? token : sliceOf(text, text_offset, i, tokens.length),
      logprob: sound ? logprobOf(token_logprobs[i]) : NaN,
      top: sorted(
        Object.entries(top ?? {}).map(([other, logprob]) => {
          const known = idNamed(other);
          return { id: known, text: known === null ? other : '', logprob: logprobOf(logprob) };
        }),
      ),
    };
  });
}

/** The text of a token that is named by its id, by where the tokens begin in the text. */
function sliceOf(
  text: string,
  offsets: readonly number[] | null | undefined,
  i: number,
  count: number,
): string {
  if (offsets?.length !== count) return '';
  return text.slice(offsets[i] ?? 0, offsets[i + 1] ?? text.length);
}

/** vLLM can be told to name tokens by their ids. */
function idNamed(token: string): number | null {
  const digits = /^token_id:(\d{1,9})$/.exec(token)?.[1];
  return digits === undefined ? null : Number(digits);
}

const entryOf = ({ id: own, token, logprob }: z.infer<typeof entry>) => ({
  id: own ?? null,
  text: token,
  logprob: logprobOf(logprob),
});

/** Rounding may lift a sure token a little above 0; anything else above 0 is no log probability. */
function logprobOf(value: number | null | undefined): number {
  if (value === null || value === undefined || value > 1e-3) return NaN;
  return Math.min(0, value);
}

const sorted = <T extends { logprob: number }>(top: readonly T[]): T[] =>
  top.filter(({ logprob }) => !Number.isNaN(logprob)).sort((a, b) => b.logprob - a.logprob);
