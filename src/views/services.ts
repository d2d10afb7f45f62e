import type * as vscode from 'vscode';
import type { Runs } from '../launch/runs.ts';
import type { StorePool } from '../launch/store-pool.ts';
import type { ColourChoice } from './colour.ts';
import type { RunLog } from './run-log/run-log.ts';

/** What every view gets. Made, connected and disposed in `extension.ts`. */
export interface Services {
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  /** What the engine of a run says. */
  readonly runLog: RunLog;
  readonly runs: Runs;
  /** Open run directories, shared by all views that show the same run. */
  readonly stores: StorePool;
  /** What tokens are coloured by, wherever they are shown. */
  readonly colour: ColourChoice;
}
