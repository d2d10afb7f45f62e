import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { editsFor } from '../../recipe/edit.ts';
import type { Change, Finding, Fix } from '../../recipe/findings.ts';
import { modernize } from '../../recipe/modernize.ts';
import { diagnosticSource, placeOf } from './diagnostics.ts';
import { checked, isRecipe, rangeOf, recipeSelector } from './files.ts';

const fixAll = vscode.CodeActionKind.SourceFixAll.append('adaptiveGrpo');

/** Ways to put a finding right, and one that does all that newer versions of TRL ask for. */
export function registerCodeActions(): vscode.Disposable {
  return vscode.languages.registerCodeActionsProvider(
    recipeSelector,
    {
      provideCodeActions(document, range, context) {
        if (!isRecipe(document)) return [];
        const { findings } = checked(document);
        const here = findings.filter((finding) => placeOf(finding).intersection(range));
        const actions = here.flatMap((finding) =>
          finding.fixes.map((fix, index) =>
            quickFix(document, finding, fix, index === 0, context.diagnostics),
          ),
        );
        const old = findings.filter(({ code }) => code.startsWith('obsolete'));
        const touched = here.some((finding) => old.includes(finding));
        const asked = context.only?.contains(fixAll) === true;
        if (asked && old.length > 0) actions.push(modernizeAction(document, fixAll));
        else if (touched && old.length > 1) {
          actions.push(modernizeAction(document, vscode.CodeActionKind.QuickFix));
        }
        return actions;
      },
    },
    { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix, fixAll] },
  );
}

function quickFix(
  document: vscode.TextDocument,
  finding: Finding,
  fix: Fix,
  isPreferred: boolean,
  diagnostics: readonly vscode.Diagnostic[],
): vscode.CodeAction {
  const action = new vscode.CodeAction(fix.title, vscode.CodeActionKind.QuickFix);
  action.edit = workspaceEdit(document, fix.changes);
  action.isPreferred = isPreferred;
  action.diagnostics = diagnostics.filter(
    ({ source, code, range }) =>
      source === diagnosticSource && code === finding.code && range.isEqual(placeOf(finding)),
  );
  return action;
}

function workspaceEdit(
  document: vscode.TextDocument,
  changes: readonly Change[],
): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  const source = document.getText();
  for (const { from, to, text } of changes.flatMap((change) => editsFor(source, change))) {
    edit.replace(document.uri, rangeOf(document, { from, to }), text);
  }
  return edit;
}

function modernizeAction(
  document: vscode.TextDocument,
  kind: vscode.CodeActionKind,
): vscode.CodeAction {
  const title = t('Change everything that newer versions of TRL changed');
  const action = new vscode.CodeAction(title, kind);
  const source = document.getText();
  action.edit = new vscode.WorkspaceEdit();
  action.edit.replace(
    document.uri,
    rangeOf(document, { from: 0, to: source.length }),
    modernize(source),
  );
  return action;
}
