import { stat } from 'node:fs/promises';
import { t } from '@vscode/l10n';
import { PlainError } from '../common/errors.ts';
import { launchHere, recipeArguments } from './engine-command.ts';
import { CancelledError } from './engine-process.ts';
import type { LaunchOptions, LaunchTarget, LaunchedRun } from './target.ts';

/**
 * The engine that comes with the extension, on this computer, in a process of its own. It runs on
 * the Node that runs us (VS Code's own).
 */
export class BuiltInTarget implements LaunchTarget {
  readonly name = 'this computer';
  readonly #engine: string;
  readonly #nodeArguments: readonly string[];

  /** `engine`: absolute path of the bundle, `dist/engine.js`. */
  constructor(engine: string, nodeArguments: readonly string[] = []) {
    this.#engine = engine;
    this.#nodeArguments = nodeArguments;
  }

  async launch(options: LaunchOptions): Promise<LaunchedRun> {
    if (options.signal?.aborted === true) throw new CancelledError();
    await this.#requireEngine();
    const command = {
      file: process.execPath,
      args: [...this.#nodeArguments, this.#engine, ...recipeArguments(options)],
      environment: { ELECTRON_RUN_AS_NODE: '1' },
    };
    return launchHere(command, options);
  }

  async #requireEngine(): Promise<void> {
    try {
      await stat(this.#engine);
    } catch (cause) {
      throw new PlainError(
        t('The built-in engine is missing: {0}', this.#engine),
        t('Reinstall the extension; when you work on it, run `npm run build`.'),
        { cause },
      );
    }
  }
}
