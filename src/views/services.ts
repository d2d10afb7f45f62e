import type * as vscode from 'vscode';
import type { Runs } from '../launch/runs.ts';
import type { StorePool } from '../launch/store-pool.ts';
import type { ColourChoice } from './colour.ts';

/** What every view gets. Made, connected and disposed in `extension.ts`. */
export interface Services {
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  readonly runs: Runs;
  /** Open run directories, shared by all views that show the same run. */
  readonly stores: StorePool;
  /** What tokens are coloured by, wherever they are shown. */
  readonly colour: ColourChoice;
}
