import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { isHere, killEngine } from '../../../src/launch/run-actions.ts';
import type { ReadableRun } from '../../../src/launch/run-entry.ts';

const cardOf = (pid: number, host = hostname()): ReadableRun => ({
  kind: 'run',
  directory: '/runs/one',
  manifest: {
    schema_version: 1,
    run_id: 'one',
    name: 'one',
    engine: { name: 'built-in', version: '0' },
    strategy: 'adaptive',
    recipe: {},
    model: 'base',
    seed: 1,
    git_commit: null,
    host,
    pid,
    started_at: '2026-01-01T00:00:00.000Z',
    state: 'running',
    max_steps: 10,
    endpoint: null,
    capture: { top_k: 5, below: 0.99, groups_per_step: null },
  },
  status: { kind: 'running' },
  latest: null,
  evaluation: null,
});

test('ending a process by force: the one on this computer only, and once is enough', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await once(child, 'spawn');
  const { pid } = child;
  assert.ok(pid !== undefined);
  const elsewhere = cardOf(pid, 'another-computer');
  assert.ok(!isHere(elsewhere));
  killEngine(elsewhere);
  assert.equal(child.killed || child.exitCode !== null || child.signalCode !== null, false);
  const exit = once(child, 'exit');
  killEngine(cardOf(pid));
  await exit;
  // It is gone, which is what was asked for.
  assert.doesNotThrow(() => killEngine(cardOf(pid)));
});
