import { describe } from 'node:test';
import { builtIn, trl } from './engines.ts';
import { launching } from './launching.ts';
import { steering } from './steering.ts';

/** A run that goes on, as a process of its own and as the extension has it. */
for (const engine of [builtIn, trl]) {
  describe(engine.name, { skip: engine.skip }, () => {
    steering(engine);
    launching(engine);
  });
}
