import { config } from '@vscode/l10n';
import * as vscode from 'vscode';

// Import this before anything that has texts: some are put together as modules are loaded.
if (vscode.l10n.bundle !== undefined) config({ contents: vscode.l10n.bundle });
