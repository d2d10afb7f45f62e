import type { EngineCommand } from '../engine-command.ts';
import type { PythonFacts } from './facts.ts';

/** A configuration file of `accelerate`. */
export interface AccelerateConfig {
  file: string;
  /** One of those that come with us: they leave the number of processes to whoever launches. */
  ours: boolean;
}

export interface Circumstances {
  facts: PythonFacts;
  /** GPUs that may be used. */
  gpus: number;
  /** What was chosen; null: nothing. */
  chosen: AccelerateConfig | null;
  /** For several GPUs where nothing was chosen. */
  several: AccelerateConfig;
}

/** Plain Python, or `accelerate launch` with a process a GPU where there are several. */
export function trainerCommand(
  python: string,
  { facts, gpus, chosen, several }: Circumstances,
  rest: readonly string[],
): EngineCommand {
  const trainer = ['-m', 'adaptive_grpo', 'train', ...rest];
  const environment = { PYTHONUTF8: '1' };
  // A PyTorch for the CPU can't use them, however many there are.
  const usable = facts.cuda === null ? 0 : gpus;
  const config = chosen ?? (usable > 1 ? several : null);
  if (config === null) return { file: python, args: trainer, environment };
  // Port 0 is a free one: another run may have the usual one.
  const processes = config.ours
    ? ['--num_processes', String(Math.max(1, usable)), '--main_process_port', '0']
    : [];
  const launch = ['-m', 'accelerate.commands.launch', '--config_file', config.file, ...processes];
  return { file: python, args: [...launch, ...trainer], environment };
}
