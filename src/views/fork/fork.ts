import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../../common/errors.ts';
import { CancelledError } from '../../launch/engine-process.ts';
import type { ProbeOrigin } from '../../run/model/probe.ts';
import type { SegmentRow } from '../../run/model/segment.ts';
import { CompletionClient, RefusedError, type Server } from './client.ts';
import type { ForkPlace } from './place.ts';
import { probeRow, type ForcedToken, type ProbeInputs, type ProbeScore } from './rows.ts';
import type { Continuation } from './answer.ts';

/** What a person asked for. */
export interface ForkRequest {
  place: ForkPlace;
  n: number;
  temperature: number;
  max_tokens: number;
  /** A token of the run's vocabulary to begin with; null: none. */
  forced: number | null;
}

/** Who is asked. */
export interface ForkSources {
  sampler: Server;
  origin: Pick<ProbeOrigin, 'source' | 'name'>;
  /** The run's own endpoint, which scores; null where there is none. */
  own: Server | null;
}

export interface ForkTools {
  /** What a token id reads in the run's vocabulary; null where that isn't known. */
  textOf: (id: number) => string | null;
  timeoutMs: number;
  /** For the log. */
  warn: (message: string) => void;
}

/**
 * Samples continuations and scores them. Rejects with a `PlainError`, or with a `CancelledError`
 * after `signal`; then nothing was written.
 */
export async function sampleFork(
  request: ForkRequest,
  { sampler, origin, own }: ForkSources,
  { textOf, timeoutMs, warn }: ForkTools,
  signal: AbortSignal,
): Promise<SegmentRow[]> {
  const { place, n, temperature, max_tokens } = request;
  const client = new CompletionClient(sampler, timeoutMs);
  const judge = own === null ? null : new CompletionClient(own, timeoutMs);
  const forced = await forcedToken(request.forced, place, judge, textOf, signal);
  const ids = sampler.own ? await promptIds(client, place, forced, signal) : null;
  if (ids === null && forced?.text === '') {
    throw new PlainError(
      t('That token has no text of its own, and {0} is asked by text.', sampler.name),
      t('Fork without it, or choose another one.'),
    );
  }
  const prompt = ids ?? place.prompt + place.kept.text + (forced?.text ?? '');
  const answer = await client.sample({ prompt, n, temperature, max_tokens }, signal);
  const inputs: ProbeInputs = {
    place,
    temperature,
    forced,
    origin: { ...origin, model: answer.model, time: new Date().toISOString() },
    textOf: sampler.own ? null : textOf,
  };
  const completions = answer.continuations.map((continuation) =>
    wholeCompletion(place, forced, continuation, sampler.own),
  );
  const { scores, unscored } = await scoresOf(judge, place, completions, warn, signal);
  return answer.continuations.map((continuation, i) =>
    probeRow(inputs, continuation, scores[i] ?? null, unscored),
  );
}

async function forcedToken(
  id: number | null,
  { texts }: ForkPlace,
  own: CompletionClient | null,
  textOf: ForkTools['textOf'],
  signal: AbortSignal,
): Promise<ForcedToken | null> {
  if (id === null) return null;
  const named = texts?.get(id) ?? textOf(id);
  const text = named ?? (id < 0 ? null : ((await own?.detokenize([id], signal)) ?? null));
  if (text === null) {
    throw new PlainError(
      t('Nothing says how token {0} reads, so it can’t be forced.', id),
      t('Fork without it, or choose another one.'),
    );
  }
  // A part of a character has no text of its own.
  return { id: id < 0 ? null : id, text: text.includes('\ufffd') ? '' : text };
}

/** The prompt and what is kept as the run's token ids; null where only their text is known. */
async function promptIds(
  client: CompletionClient,
  { prompt, kept }: ForkPlace,
  forced: ForcedToken | null,
  signal: AbortSignal,
): Promise<number[] | null> {
  if (kept.ids === null || (forced !== null && forced.id === null)) return null;
  const tokens = await client.tokenize(prompt, signal);
  if (tokens === null) return null;
  return [...tokens, ...kept.ids, ...(forced === null ? [] : [forced.id])].filter(
    (id) => id !== null,
  );
}

function wholeCompletion(
  { kept }: ForkPlace,
  forced: ForcedToken | null,
  { text, tokens }: Continuation,
  own: boolean,
): string | number[] {
  const ids = tokens?.map(({ id }) => id) ?? [null];
  const all = [...(kept.ids ?? [null]), ...(forced === null ? [] : [forced.id]), ...ids];
  const whole = all.filter((id) => id !== null);
  if (own && whole.length === all.length) return whole;
  return kept.text + (forced?.text ?? '') + text;
}

interface Scores {
  scores: readonly ProbeScore[];
  unscored: ProbeOrigin['unscored'];
}

async function scoresOf(
  own: CompletionClient | null,
  { prompt, prompt_id }: ForkPlace,
  completions: readonly (string | number[])[],
  warn: ForkTools['warn'],
  signal: AbortSignal,
): Promise<Scores> {
  if (own === null) return { scores: [], unscored: 'no_endpoint' };
  try {
    const request = { prompt_id, prompt, completions: [...completions] };
    const answer = await own.rewards(request, signal);
    if (answer === null) return { scores: [], unscored: 'no_route' };
    if (answer.data.length !== completions.length) {
      warn(`${answer.data.length} rewards came for ${completions.length} completions.`);
      return { scores: [], unscored: 'failed' };
    }
    return { scores: answer.data, unscored: null };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    // What was sampled is worth keeping all the same.
    warn(messageOf(error));
    const unknown = error instanceof RefusedError && error.status === 404;
    return { scores: [], unscored: unknown ? 'unknown_prompt' : 'failed' };
  }
}
