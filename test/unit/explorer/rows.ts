import type { SegmentRow, SegmentSummary, SegmentTokens } from '../../../src/run/model/segment.ts';
import type { PromptGroup } from '../../../src/run/store.ts';

/** Small hand-made rows: one character a token unless said otherwise. */

export function tokensOf(text: string, patch: Partial<SegmentTokens> = {}): SegmentTokens {
  const characters = Array.from(text);
  const filled = (value: number) => new Float32Array(characters.length).fill(value);
  return {
    text,
    token_ids: Int32Array.from(characters, (character) => character.codePointAt(0) ?? 0),
    token_ends: Int32Array.from(characters, (_, i) => i + 1),
    logprob: filled(-0.01),
    entropy: filled(0.02),
    max_prob: filled(0.99),
    top: new Map(),
    advantage: filled(0.5),
    ref_logprob: null,
    train_logprob: null,
    ...patch,
  };
}

export function row(patch: Partial<SegmentRow> & { segment_id: number }): SegmentRow {
  const tokens = patch.tokens ?? tokensOf('abcdef');
  const root = patch.parent_id === undefined || patch.parent_id === null;
  return {
    step: 1,
    prompt_id: 'p',
    prompt: root ? 'What?' : null,
    parent_id: null,
    fork_at: 0,
    attempt: root ? 0 : 1,
    kind: root ? 'root' : 'resample',
    status: 'complete',
    trigger: null,
    failure_point: null,
    failure_max_prob: null,
    failure_entropy: null,
    failure_top: null,
    temperature: 1,
    length: tokens.token_ids.length,
    rewards: { accuracy: 1 },
    reward: 1,
    value: 1,
    trained: true,
    tokens,
    ...patch,
  };
}

/** Cut before `failure_point`, as a root of its own. */
export function cutRow(patch: Partial<SegmentRow> & { segment_id: number }): SegmentRow {
  const length = patch.tokens?.token_ids.length ?? 6;
  return row({
    status: 'truncated',
    trigger: 'max_prob',
    failure_point: (patch.fork_at ?? 0) + length,
    failure_max_prob: 0.41,
    failure_entropy: 1.32,
    rewards: null,
    reward: null,
    value: 0.5,
    ...patch,
  });
}

export const summaries = (rows: readonly SegmentRow[]): SegmentSummary[] => [...rows];

export function group(patch: Partial<PromptGroup> & { prompt_id: string }): PromptGroup {
  return {
    step: 1,
    prompt: `prompt ${patch.prompt_id}`,
    segments: 4,
    completions: 4,
    truncated: 0,
    resamples: 0,
    probes: 0,
    reward_mean: 0.5,
    reward_std: 0.5,
    correct: 2,
    ...patch,
  };
}
