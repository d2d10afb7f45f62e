/**
 * Trains by a recipe without a window, from the sources (`npm run -s train -- RECIPE`,
 * `train_adaptive_grpo.sh RECIPE`). npm changes to the project's folder; paths on the command line
 * count from where it was called.
 */
const { INIT_CWD: calledFrom, npm_lifecycle_event: npmScript } = process.env;
if (npmScript === 'train' && calledFrom !== undefined) process.chdir(calledFrom);
await import('../src/engine/main.ts');
export {};
