import type { Alternatives, SegmentSummary, SegmentTokens } from '../model/segment.ts';
import { parseOrigin, parseTokenTexts } from '../model/probe.ts';
import { segmentKinds, segmentStatuses, segmentTriggers } from '../model/segment.ts';
import { Cells, Columns } from './columns.ts';
import type { ByteSource, Frame } from './frames.ts';
import type { Layout } from './layout.ts';
import { DamagedError } from './layout.ts';
import { probeColumns, summaryColumns } from './schema.ts';

/** Rows of `rollouts.arrows` as the model has them. */

const oneOf = <T extends string>(values: readonly T[], value: string | null | undefined): T => {
  const found = values.find((each) => each === value);
  if (found === undefined) throw new DamagedError(`a row says ${JSON.stringify(value)}`);
  return found;
};

const required = <T>(value: T | null | undefined): T => {
  if (value === null || value === undefined) throw new DamagedError('a row has a hole');
  return value;
};

const indexed = [...summaryColumns, ...probeColumns.filter(({ name }) => name === 'origin')];

/** The summaries of one batch, in the file's order. Reads no value of a token. */
export async function readSummaries(
  source: ByteSource,
  layout: Layout,
  frame: Frame,
): Promise<SegmentSummary[]> {
  const columns = await Columns.read(source, layout, frame, indexed, ['token_ids']);
  const step = columns.int32('step');
  const prompt_id = columns.utf8('prompt_id');
  const prompt = columns.utf8('prompt');
  const segment_id = columns.int32('segment_id');
  const parent_id = columns.int32('parent_id');
  const fork_at = columns.int32('fork_at');
  const attempt = columns.int32('attempt');
  const kind = columns.utf8('kind');
  const status = columns.utf8('status');
  const trigger = columns.utf8('trigger');
  const failure_point = columns.int32('failure_point');
  const failure_max_prob = columns.float32('failure_max_prob');
  const failure_entropy = columns.float32('failure_entropy');
  const failure_top_ids = columns.int32Lists('failure_top_ids');
  const failure_top_logprobs = columns.float32Lists('failure_top_logprobs');
  const temperature = columns.float32('temperature');
  const rewards = columns.maps('rewards');
  const reward = columns.float32('reward');
  const value = columns.float32('value');
  const trained = columns.bool('trained');
  const origins = columns.utf8('origin');
  const length = columns.lengths('token_ids');
  return Array.from({ length: columns.rows }, (_, i) => {
    const ids = failure_top_ids[i];
    const logprobs = failure_top_logprobs[i];
    const origin = parseOrigin(origins[i]);
    const summary: SegmentSummary = {
      step: required(step[i]),
      prompt_id: required(prompt_id[i]),
      prompt: prompt[i] ?? null,
      segment_id: required(segment_id[i]),
      parent_id: parent_id[i] ?? null,
      fork_at: required(fork_at[i]),
      attempt: required(attempt[i]),
      kind: oneOf(segmentKinds, kind[i]),
      status: oneOf(segmentStatuses, status[i]),
      trigger: trigger[i] ? oneOf(segmentTriggers, trigger[i]) : null,
      failure_point: failure_point[i] ?? null,
      failure_max_prob: failure_max_prob[i] ?? null,
      failure_entropy: failure_entropy[i] ?? null,
      failure_top: ids && logprobs ? { ids, logprobs } : null,
      temperature: required(temperature[i]),
      length: required(length[i]),
      rewards: rewards[i] ?? null,
      reward: reward[i] ?? null,
      value: value[i] ?? null,
      trained: required(trained[i]),
      ...(origin === null ? {} : { origin }),
    };
    // What a viewer walks must be a tree, whatever happened to the file.
    if (summary.parent_id !== null && summary.parent_id >= summary.segment_id) {
      throw new DamagedError(`segment ${summary.segment_id} comes before its parent`);
    }
    return summary;
  });
}

/** The names of the values per token that can be read one at a time, for strips and legends. */
export const tokenValues = ['logprob', 'entropy', 'max_prob', 'advantage'] as const;
export type TokenValue = (typeof tokenValues)[number];

/** One value a token of one row. */
export async function readTokenValue(
  source: ByteSource,
  layout: Layout,
  frame: Frame,
  row: number,
  name: TokenValue,
): Promise<Float32Array> {
  const cells = new Cells(source, layout, frame, row);
  if (name === 'logprob') return (await cells.float32(name)) ?? new Float32Array();
  return await cells.float16(name);
}

/** All values per token of one row; throws `DamagedError` where they aren't equally many. */
export async function readTokens(
  source: ByteSource,
  layout: Layout,
  frame: Frame,
  row: number,
): Promise<SegmentTokens> {
  const cells = new Cells(source, layout, frame, row);
  const [text, own_ids, own_ends, logprob, entropy, max_prob, advantage] = await Promise.all([
    cells.text('text'),
    cells.int32('token_ids'),
    cells.int32('token_ends'),
    cells.float32('logprob'),
    cells.float16('entropy'),
    cells.float16('max_prob'),
    cells.float16('advantage'),
  ]);
  const [ref_logprob, train_logprob, index, ids, logprobs, texts] = await Promise.all([
    cells.float32('ref_logprob'),
    cells.float32('train_logprob'),
    cells.int32('top_index'),
    cells.int32('top_ids'),
    cells.float16('top_logprobs'),
    cells.text('token_texts'),
  ]);
  const token_ids = required(own_ids);
  const token_ends = own_ends ?? oneCharacterEach(text, token_ids);
  const { length } = token_ids;
  const all = [token_ends, logprob, entropy, max_prob, advantage, ref_logprob, train_logprob];
  if (all.some((values) => values && values.length !== length)) {
    throw new DamagedError('a row has unequally many values a token');
  }
  return {
    text,
    token_ids,
    token_ends,
    logprob: required(logprob),
    entropy,
    max_prob,
    top: alternatives(required(index), required(ids), logprobs),
    advantage,
    ref_logprob,
    train_logprob,
    ...(texts === '' ? {} : { texts: parseTokenTexts(texts) }),
  };
}

/** What a row without `token_ends` says. */
function oneCharacterEach(text: string, token_ids: Int32Array): Int32Array {
  const characters = Array.from(text).length;
  if (characters > token_ids.length) {
    throw new DamagedError('a row does not say where its tokens end');
  }
  return token_ids.map((_, i) => Math.min(i + 1, characters));
}

function alternatives(
  index: Int32Array,
  ids: Int32Array,
  logprobs: Float32Array,
): Map<number, Alternatives> {
  const each = index.length === 0 ? 0 : ids.length / index.length;
  if (!Number.isInteger(each) || logprobs.length !== ids.length) {
    throw new DamagedError('a row has alternatives that belong to no token');
  }
  return new Map(
    Array.from(index, (token, i) => [
      token,
      {
        ids: ids.slice(i * each, (i + 1) * each),
        logprobs: logprobs.slice(i * each, (i + 1) * each),
      },
    ]),
  );
}
