import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Frame } from 'playwright-core';
import { z } from 'zod';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const report = z.object({
  violations: z.array(
    z.object({
      id: z.string(),
      impact: z.string().nullable(),
      nodes: z.array(z.object({ html: z.string() })),
    }),
  ),
});

/** No serious finding of axe in a webview. */
export async function checkAccessibility(frame: Frame, where: string): Promise<void> {
  // What a page's policy forbids to its own scripts, the browser's tools may do.
  await frame.evaluate(await readFile(axe, 'utf8'));
  const found = report.parse(
    await frame.evaluate(`axe.run(document, { resultTypes: ['violations'] })`),
  );
  const serious = found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
  assert.deepEqual(serious, [], where);
}
