import { readFile } from 'node:fs/promises';
import type { Engine } from '../recipe/engines.ts';
import { engineOfText } from '../recipe/outline.ts';
import type { LaunchOptions, LaunchTarget, LaunchedRun } from './target.ts';

/** Each recipe to the engine that it is for. */
export class TargetByRecipe implements LaunchTarget {
  readonly name = 'this computer';
  readonly #targets: Readonly<Record<Engine, LaunchTarget>>;

  constructor(targets: Readonly<Record<Engine, LaunchTarget>>) {
    this.#targets = targets;
  }

  async launch(options: LaunchOptions): Promise<LaunchedRun> {
    return this.#targets[await engineOfFile(options.recipe)].launch(options);
  }
}

/** Who runs a recipe's file. One that can't be read is left to the built-in engine to refuse. */
export async function engineOfFile(recipe: string): Promise<Engine> {
  const source = await readFile(recipe, 'utf8').catch(() => '');
  return engineOfText(source.replace(/^\uFEFF/, ''));
}
