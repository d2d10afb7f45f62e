import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { SCHEMA_VERSION, type Manifest } from '../run/model/manifest.ts';
import type { Preparation } from './prepare.ts';

/** `run.json` of a run that begins now, by this process. */
export function freshManifest({ recipe, name }: Preparation, git_commit: string | null): Manifest {
  return {
    schema_version: SCHEMA_VERSION,
    run_id: randomUUID(),
    name,
    engine: { name: 'built-in', version: packageJson.version },
    strategy: recipe.use_token_adaptive ? 'adaptive' : 'baseline',
    recipe,
    model: recipe.model_name_or_path,
    seed: recipe.seed,
    git_commit,
    host: hostname(),
    pid: process.pid,
    started_at: new Date().toISOString(),
    state: 'starting',
    max_steps: recipe.max_steps,
    endpoint: null,
    capture: {
      top_k: recipe.capture_top_k,
      below: recipe.capture_below,
      groups_per_step: recipe.capture_groups_per_step,
    },
  };
}

/** Of the repository one trains in; null outside of any. */
export async function gitCommit(folder: string): Promise<string | null> {
  try {
    const options = { cwd: folder, timeout: 5000, windowsHide: true };
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], options);
    return stdout.trim();
  } catch {
    return null;
  }
}
