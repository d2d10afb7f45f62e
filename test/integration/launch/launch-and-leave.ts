import { BuiltInTarget } from '../../../src/launch/built-in.ts';

/** A window that starts a run and is gone at once: `node launch-and-leave.ts ENGINE RECIPE DIR`. */
const [engine = '', recipe = '', runDirectory = ''] = process.argv.slice(2);
const run = await new BuiltInTarget(engine).launch({ recipe, runDirectory });
await run.ready;
process.kill(process.pid, 'SIGKILL');
