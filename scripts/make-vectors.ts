/**
 * Writes `test/vectors/strategy.json`: what the strategy answers in cases that another language
 * can read. Run it after a change of the strategy that is meant:
 *
 *     node scripts/make-vectors.ts
 *
 * The unit tests hold the TypeScript strategy to the committed file, the trainer's tests hold its
 * Python twin to it. Floats are compared to 1e-9.
 */
import { writeFileSync } from 'node:fs';
import { strategyVectors } from '../test/vectors/strategy.ts';

const file = new URL('../test/vectors/strategy.json', import.meta.url);
// One case a line: a diff shows which case changed.
const sections = Object.entries(strategyVectors()).map(
  ([name, cases]) =>
    `  ${JSON.stringify(name)}: [\n${cases.map((one) => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]`,
);
writeFileSync(file, `{\n${sections.join(',\n')}\n}\n`);
