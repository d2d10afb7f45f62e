import type * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { registerCodeActions } from './actions.ts';
import { registerCompletion } from './completion.ts';
import { RecipeDiagnostics } from './diagnostics.ts';
import { registerHover } from './hover.ts';
import { registerLinks } from './links.ts';

/** What the text editor knows of recipes, without any other extension. */
export function registerRecipeFeatures(
  context: vscode.ExtensionContext,
  _services: Services,
): void {
  context.subscriptions.push(
    registerCompletion(),
    registerHover(),
    registerCodeActions(),
    registerLinks(),
    new RecipeDiagnostics(),
  );
}
