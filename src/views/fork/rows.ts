import { foreignTokenId, type ProbeOrigin } from '../../run/model/probe.ts';
import type { Alternatives, SegmentRow, SegmentTokens } from '../../run/model/segment.ts';
import { uncertaintyOfTop } from '../../strategy/index.ts';
import type { AnsweredToken, Continuation } from './answer.ts';
import type { ForkPlace } from './place.ts';

/** Continuations as rows of `probes.arrows`. */

/** A token that a person put there; `id` null: it isn't one of the run's vocabulary. */
export interface ForcedToken {
  id: number | null;
  text: string;
}

/** What a continuation is worth to the run. */
export interface ProbeScore {
  rewards: Record<string, number>;
  reward: number | null;
}

export interface ProbeInputs {
  place: ForkPlace;
  temperature: number;
  forced: ForcedToken | null;
  /** Who answered, but for what each continuation shows by itself. */
  origin: Pick<ProbeOrigin, 'source' | 'name' | 'model' | 'time'>;
  /**
   * What a token id reads in the run's own vocabulary; null where that isn't known. A server's ids
   * are taken for the run's only where all of them read the same. Null: the ids are the run's.
   */
  textOf: ((id: number) => string | null) | null;
}

/**
 * One row. `score` is null where nobody scored it, and `unscored` then says why. The values of a
 * forced token are NaN: nobody sampled it. So are all advantages: a probe has none.
 */
export function probeRow(
  inputs: ProbeInputs,
  continuation: Continuation,
  score: ProbeScore | null,
  unscored: ProbeOrigin['unscored'],
): SegmentRow {
  const { place, temperature, forced, origin } = inputs;
  const { known, uncertainty, logprob } = measured(inputs, continuation);
  const tokens = forced === null ? known : prepend(forced, known);
  return {
    step: place.step,
    prompt_id: place.prompt_id,
    prompt: null,
    segment_id: 0,
    parent_id: place.parent.segment_id,
    fork_at: place.fork_at,
    attempt: 0,
    kind: 'probe',
    status: continuation.ended ? 'complete' : 'length',
    trigger: null,
    failure_point: null,
    failure_max_prob: null,
    failure_entropy: null,
    failure_top: null,
    temperature,
    length: tokens.token_ids.length,
    rewards: score?.rewards ?? null,
    reward: score?.reward ?? null,
    value: null,
    trained: false,
    origin: {
      ...origin,
      forced: forced === null ? null : { text: forced.text },
      uncertainty,
      logprob,
      unscored: score === null ? unscored : score.reward === null ? 'no_opinion' : null,
    },
    tokens,
  };
}

interface Measured {
  known: SegmentTokens;
  uncertainty: ProbeOrigin['uncertainty'];
  logprob: ProbeOrigin['logprob'];
}

function measured(inputs: ProbeInputs, { text, tokens, exact }: Continuation): Measured {
  const whole = [{ id: null, text, logprob: NaN, top: [] }];
  // Without a word about tokens, the text is one.
  const all = tokens ?? (text === '' ? [] : whole);
  const naming = new Naming(all, inputs.textOf);
  const logprobs = Float32Array.from(all, ({ logprob }) => logprob);
  const bounds = all.map(boundOf);
  const entropy = exact?.entropy ?? bounds.map((bound) => bound.entropy);
  const max_prob = exact?.max_prob ?? bounds.map((bound) => bound.max_prob);
  const said = (values: ArrayLike<number>) =>
    Array.from(values).some((each) => !Number.isNaN(each));
  const sampled = exact?.sampled_logprob ?? (inputs.temperature === 1 ? logprobs : null);
  return {
    uncertainty: exact !== null ? 'exact' : said(entropy) ? 'lower_bound' : 'none',
    logprob: !said(logprobs) ? 'none' : sampled === null ? 'temperature_1' : 'sampled',
    known: {
      text,
      token_ids: Int32Array.from(all, (token) => naming.idOf(token)),
      token_ends: Int32Array.from(
        codePointEnds(
          text,
          all.map((token) => token.text),
        ),
      ),
      logprob: Float32Array.from(sampled ?? logprobs),
      entropy: Float32Array.from(entropy),
      max_prob: Float32Array.from(max_prob),
      top: alternativesOf(all, naming),
      advantage: new Float32Array(all.length).fill(NaN),
      ref_logprob: null,
      train_logprob: null,
      ...(naming.texts.size === 0 ? {} : { texts: naming.texts }),
    },
  };
}

/** What the best few log probabilities say: a lower bound of the entropy. */
function boundOf({ id, text, logprob, top }: AnsweredToken): { entropy: number; max_prob: number } {
  const own = top.some((other) => (id !== null && other.id === id) || other.text === text);
  const values = own || Number.isNaN(logprob) ? [] : [logprob];
  const known = [...values, ...top.map((other) => other.logprob)];
  // A token alone is the likeliest one only where it has more than half of the mass.
  if (known.length === 0 || (top.length === 0 && !(logprob > Math.log(0.5)))) {
    return { entropy: NaN, max_prob: NaN };
  }
  return uncertaintyOfTop(known);
}

type Named = Pick<AnsweredToken, 'id' | 'text'>;

/** How an answer's tokens are called: by the run's ids, or by ids made of their texts. */
class Naming {
  readonly texts = new Map<number, string>();
  readonly #native: boolean;

  constructor(tokens: readonly AnsweredToken[], textOf: ProbeInputs['textOf']) {
    const same = ({ id, text }: Named) => {
      if (id === null || textOf === null) return id !== null;
      const own = textOf(id);
      // An end token reads as nothing, or by its name.
      return own === text || (text === '' && own !== null);
    };
    this.#native = tokens.length > 0 && tokens.every(same);
  }

  idOf({ id, text }: Named): number {
    if (this.#native && id !== null) return id;
    const made = foreignTokenId(text);
    this.texts.set(made, text);
    return made;
  }

  /** Of an alternative; a server that tells no ids of them tells the token's own text among them. */
  alternative(other: Named, token: Named): number {
    return this.idOf(other.id === null && other.text === token.text ? token : other);
  }
}

/** Alternatives kept for a token. */
const KEPT = 5;

/** Equally many for each token that has any, as the file wants it. */
function alternativesOf(
  tokens: readonly AnsweredToken[],
  naming: Naming,
): Map<number, Alternatives> {
  const counts = tokens.map(({ top }) => top.length).filter((count) => count > 0);
  const count = Math.min(KEPT, ...counts);
  return new Map(
    tokens.flatMap((token, i): [number, Alternatives][] => {
      if (token.top.length === 0) return [];
      const best = token.top.slice(0, count);
      const logprobs = Float32Array.from(best, ({ logprob }) => logprob);
      const ids = Int32Array.from(best, (other) => naming.alternative(other, token));
      return [[i, { ids, logprobs }]];
    }),
  );
}

/** Farther on than this, what reads like a token is another one. */
const NEAR = 16;

/**
 * Where each token ends in `text`, in code points. A token that doesn't stand there (a part of a
 * character, an end token) ends where the one before it does; what then lies before the next token
 * that does, or before the end, belongs to the last of those.
 */
export function codePointEnds(text: string, tokens: readonly string[]): number[] {
  const ends: number[] = [];
  let units = 0;
  let points = 0;
  let lost = false;
  const advance = (to: number) => {
    points += Array.from(text.slice(units, to)).length;
    units = to;
  };
  tokens.forEach((token, i) => {
    const at = token === '' ? units : text.indexOf(token, units);
    const found = at === units || (lost && at > units && at <= units + NEAR);
    if (found && at > units) {
      advance(at);
      ends[i - 1] = points;
    }
    if (found) advance(units + token.length);
    lost = token === '' ? lost : !found;
    ends.push(points);
  });
  if (ends.length > 0 && units < text.length) {
    advance(text.length);
    ends[ends.length - 1] = points;
  }
  return ends;
}

function prepend(forced: ForcedToken, own: SegmentTokens): SegmentTokens {
  const shift = Array.from(forced.text).length;
  const id = forced.id ?? foreignTokenId(forced.text);
  const after = (values: Float32Array) => Float32Array.of(NaN, ...values);
  const texts = new Map(own.texts);
  if (forced.id === null) texts.set(id, forced.text);
  return {
    text: forced.text + own.text,
    token_ids: Int32Array.of(id, ...own.token_ids),
    token_ends: Int32Array.of(shift, ...own.token_ends.map((end) => end + shift)),
    logprob: after(own.logprob),
    entropy: after(own.entropy),
    max_prob: after(own.max_prob),
    advantage: after(own.advantage),
    top: new Map(Array.from(own.top, ([i, top]) => [i + 1, top])),
    ref_logprob: null,
    train_logprob: null,
    ...(texts.size === 0 ? {} : { texts }),
  };
}
