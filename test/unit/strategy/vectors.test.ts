import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { strategyVectors } from '../../vectors/strategy.ts';
import { close } from './close.ts';

test('the strategy answers as the committed vectors say (scripts/make-vectors.ts writes them)', () => {
  const file = new URL('../../vectors/strategy.json', import.meta.url);
  const committed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const now: unknown = JSON.parse(JSON.stringify(strategyVectors()));
  close(now, committed);
  assert.ok(Object.values(strategyVectors()).every((cases) => cases.length > 3));
});
