import { describe } from 'node:test';
import { builtIn, trl } from './engines.ts';
import { survival } from './survival.ts';
import { trouble } from './trouble.ts';

/** What becomes of a run that meets with trouble. */
for (const engine of [builtIn, trl]) {
  describe(engine.name, { skip: engine.skip }, () => {
    survival(engine);
    trouble(engine);
  });
}
