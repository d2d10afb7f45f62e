import assert from 'node:assert/strict';
import test from 'node:test';
import { stepMetrics, type MeasuredSegment } from '../../../src/strategy/index.ts';
import { close } from './close.ts';

const segment = (fields: Partial<MeasuredSegment>): MeasuredSegment => ({
  segment: 0,
  parent: null,
  fork_at: 0,
  attempt: 0,
  length: 20,
  status: 'complete',
  failure_point: null,
  reward: null,
  value: fields.reward ?? null,
  right: fields.reward === undefined || fields.reward === null ? null : fields.reward > 0.5,
  ...fields,
});

test('the metrics of a step, counted by hand', () => {
  const metrics = stepMetrics(
    [
      [
        segment({ segment: 0, status: 'truncated', failure_point: 20, value: 0.5 }),
        segment({ segment: 1, reward: 1 }),
        // Attempt 1 goes on and is wrong in the end; attempt 2 rescues, attempt 3 doesn't.
        segment({
          segment: 2,
          parent: 0,
          fork_at: 20,
          attempt: 1,
          status: 'truncated',
          failure_point: 30,
          value: 0,
        }),
        segment({ segment: 3, parent: 2, fork_at: 30, attempt: 1, reward: 0 }),
        segment({ segment: 4, parent: 0, fork_at: 20, attempt: 2, reward: 1 }),
        segment({ segment: 5, parent: 0, fork_at: 20, attempt: 3, reward: 0 }),
      ],
      // A fork inside a root that was right: nothing to rescue.
      [
        segment({ segment: 6, reward: 1 }),
        segment({ segment: 7, parent: 6, fork_at: 8, attempt: 1, reward: 0 }),
      ],
    ],
    100,
  );
  close(metrics, {
    'adaptive/truncation_rate': 2 / 8,
    'adaptive/resample_rate': 5 / 8,
    'adaptive/avg_failure_point': 25,
    'adaptive/total_rollouts': 108,
    'adaptive/sibling_reward_std': (Math.sqrt(1 / 3) + Math.SQRT1_2) / 2,
    'adaptive/rescue_rate': 1 / 2,
    reward: (2 / 3 + 1 / 2) / 2,
    // Around 2/3: root 0 adds (4/9 + 1/9 + 4/9)/3, root 1 adds 1/9; the other prompt has one root.
    reward_std: (Math.sqrt(1 / 3 + 1 / 9) + 0) / 2,
  });
});

test('a baseline step has no adaptive metrics but the counts', () => {
  const metrics = stepMetrics([[segment({ reward: 1 }), segment({ segment: 1, reward: 0 })]], 0);
  close(metrics, {
    'adaptive/truncation_rate': 0,
    'adaptive/resample_rate': 0,
    'adaptive/total_rollouts': 2,
    reward: 0.5,
    reward_std: Math.SQRT1_2,
  });
});

test('a step without segments has nothing to average', () => {
  assert.deepEqual(stepMetrics([], 7), { 'adaptive/total_rollouts': 7 });
});
