import assert from 'node:assert/strict';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import { Vocabulary } from '../../../src/views/model/vocabulary.ts';
import {
  loadRollout,
  type Rollout,
  type RolloutSource,
} from '../../../src/views/rollout/rollout.ts';
import { manifest } from '../../integration/explorer/runs.ts';
import { cutRow, group, row, tokensOf } from '../../fixtures/segments.ts';

/** A run of one prompt with these segments. */
export function sourceOf(rows: readonly SegmentRow[]): RolloutSource {
  return {
    manifest: manifest(),
    groups: () => [group({ prompt_id: 'p' })],
    tree: (step, id) => (step === 1 && id === 'p' ? rows : []),
    tokens: (segment_id) => {
      const found = rows.find((each) => each.segment_id === segment_id);
      return found === undefined
        ? Promise.reject(new Error('no such segment'))
        : Promise.resolve(found.tokens);
    },
  };
}

export async function rolloutOf(
  rows: readonly SegmentRow[],
  segment_id: number,
  vocabulary = new Vocabulary(),
): Promise<Rollout> {
  return await loadRollout(sourceOf(rows), vocabulary, { directory: '/runs/one', segment_id });
}

const alternatives = {
  ids: Int32Array.of(50, 51, 999),
  logprobs: Float32Array.of(-0.9, -1.1, -2),
};

/** Cut before token 8; gone on from there twice, right and wrong, at other temperatures. */
export const chain: readonly SegmentRow[] = [
  cutRow({ segment_id: 0, tokens: tokensOf('8*35=280'), failure_top: alternatives }),
  row({
    segment_id: 1,
    parent_id: 0,
    fork_at: 8,
    tokens: tokensOf('\n47+280=327\n#327', {
      max_prob: Float32Array.from({ length: 16 }, (_, i) => (i === 0 ? 0.41 : 0.99)),
      entropy: Float32Array.from({ length: 16 }, (_, i) => (i === 0 ? 1.32 : 0.02)),
      train_logprob: new Float32Array(16).fill(-0.02),
      top: new Map([[0, alternatives]]),
    }),
    temperature: 1.2,
  }),
  row({
    segment_id: 2,
    parent_id: 0,
    fork_at: 8,
    attempt: 2,
    tokens: tokensOf('\n47+280=317\n#317'),
    rewards: { accuracy: 0 },
    reward: 0,
    temperature: 1.44,
  }),
];

/** The part of a rollout's text that a span covers. */
export function covered({ document }: Rollout, span: Parameters<typeof textIn>[1]): string {
  return textIn(document, span);
}

function textIn(
  document: Rollout['document'],
  { start, end }: { start: Place; end: Place },
): string {
  return document.text.slice(document.offsetAt(start), document.offsetAt(end));
}

interface Place {
  line: number;
  character: number;
}

/** Every opening bracket of a Markdown link in `markdown` leads to one of these commands. */
export function assertOnlyCommands(markdown: string, allowed: readonly string[]): void {
  for (const [, target = ''] of markdown.matchAll(/\]\(([^)]*)\)/g)) {
    const command = /^command:([\w.]+)\?/.exec(target)?.[1] ?? '';
    assert.ok(allowed.includes(command), target);
  }
}
