import { dirname, join, resolve } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError, messageOf } from '../../common/errors.ts';
import { csvOf } from '../../compare/csv.ts';
import { COMPARISON, comparisonText } from '../../compare/file.ts';
import { pathFrom } from '../../compare/load.ts';
import { markdownOf } from '../../compare/markdown.ts';
import type { Comparison } from '../../compare/model.ts';
import { commands } from '../ids.ts';
import { offer } from '../notify.ts';

/** What leaves the compare view: reports, values, the comparison itself, pictures of its charts. */

interface Form extends vscode.QuickPickItem {
  /** Does it; or says which pictures the page is to draw. */
  run(): Promise<{ pictures: 'as_shown' | 'light' } | null>;
}

/** Asks in what form, and does it; pictures are drawn by the page. */
export async function chooseExport(
  comparison: Comparison,
): Promise<{ pictures: 'as_shown' | 'light' } | null> {
  const file = (write: () => Promise<void>) => async () => {
    await write();
    return null;
  };
  const forms: Form[] = [
    {
      label: `$(markdown) ${t('Report')}`,
      description: '.md',
      detail: t('The table, what it says in words, and how it was made'),
      run: file(() => saveText(comparison, 'md', 'Markdown', markdownOf(comparison))),
    },
    {
      label: `$(table) ${t('All Values')}`,
      description: '.csv',
      detail: t('Curves and figures of every run, one value a line, for pandas or R'),
      run: file(() => saveText(comparison, 'csv', 'CSV', csvOf(comparison))),
    },
    {
      label: `$(split-horizontal) ${t('The Comparison Itself')}`,
      description: COMPARISON,
      detail: t('Opens again, also where the runs are gone'),
      run: file(() => saveComparison(comparison)),
    },
    {
      label: `$(file-media) ${t('Pictures of All Charts, as Shown')}`,
      description: '.png',
      run: () => Promise.resolve({ pictures: 'as_shown' }),
    },
    {
      label: `$(file-media) ${t('Pictures of All Charts, Dark on White')}`,
      description: '.png',
      detail: t('For print'),
      run: () => Promise.resolve({ pictures: 'light' }),
    },
  ];
  const form = await vscode.window.showQuickPick(forms, {
    title: t('Export {0}', comparison.name),
    placeHolder: t('In what form?'),
  });
  return form === undefined ? null : await form.run();
}

async function saveText(
  { name }: Comparison,
  extension: string,
  kind: string,
  text: string,
): Promise<void> {
  const uri = await askWhere(`${fileName(name)}.${extension}`, { [kind]: [extension] });
  if (uri === undefined) return;
  await write(uri, new TextEncoder().encode(text));
  void offer(vscode.window.showInformationMessage, t('Written: {0}', uri.fsPath), [
    { title: t('Open'), run: () => vscode.window.showTextDocument(uri) },
  ]);
}

async function saveComparison(comparison: Comparison): Promise<void> {
  const uri = await askWhere(COMPARISON, { [t('Comparisons')]: ['json'] });
  if (uri === undefined) return;
  const folder = dirname(uri.fsPath);
  const [first, second] = comparison.sides.map((side) => ({
    ...side,
    // Its runs are found again when the folder moves with them.
    runs: side.runs.map((run) => ({
      ...run,
      directory: pathFrom(folder, resolve(run.directory)),
    })),
  }));
  if (first === undefined || second === undefined) return;
  const text = comparisonText({ ...comparison, sides: [first, second] });
  await write(uri, new TextEncoder().encode(text));
  void offer(vscode.window.showInformationMessage, t('Written: {0}', uri.fsPath), [
    {
      title: t('Open'),
      run: () => vscode.commands.executeCommand(commands.openComparison, uri),
    },
  ]);
}

/** Writes charts' pictures, one to a file one chooses, several into a folder. */
export async function savePictures(
  { name }: Comparison,
  pictures: readonly { name: string; data: string }[],
): Promise<string | null> {
  const files = pictures.map((picture) => ({
    file: `${fileName(name)} ${picture.name}.png`,
    bytes: pngOf(picture.data),
  }));
  const [only, ...others] = files;
  if (only === undefined) return null;
  if (others.length === 0) {
    const uri = await askWhere(only.file, { PNG: ['png'] });
    if (uri === undefined) return null;
    await write(uri, only.bytes);
    return t('Written: {0}', uri.fsPath);
  }
  const [folder] =
    (await vscode.window.showOpenDialog({
      title: t('Folder for the Pictures'),
      openLabel: t('Save Here'),
      canSelectFiles: false,
      canSelectFolders: true,
    })) ?? [];
  if (folder === undefined) return null;
  if (!(await mayReplace(folder, files))) return null;
  for (const { file, bytes } of files) await write(vscode.Uri.joinPath(folder, file), bytes);
  return t('{0} pictures written to {1}', files.length, folder.fsPath);
}

async function mayReplace(
  folder: vscode.Uri,
  files: readonly { file: string }[],
): Promise<boolean> {
  const there = await vscode.workspace.fs.readDirectory(folder);
  const names = new Set(there.map(([name]) => name));
  const same = files.filter(({ file }) => names.has(file));
  if (same.length === 0) return true;
  const replace = t('Replace');
  const chosen = await vscode.window.showWarningMessage(
    t('The folder has {0} of these files already.', same.length),
    { modal: true },
    replace,
  );
  return chosen === replace;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47];

/** What a page sends is not believed to be what it says. */
function pngOf(data: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  if (SIGNATURE.every((byte, i) => bytes[i] === byte)) return bytes;
  throw new PlainError(t('The chart could not be drawn as a picture.'), t('Try again.'));
}

/** The name a person gave, without what a file's name can't hold. */
function fileName(name: string): string {
  // Windows takes no name that ends in a dot or a blank.
  const safe = name.replace(/[\p{Cc}\p{Cf}<>:"/\\|?*]+/gu, ' ').replace(/[. ]+$/u, '');
  return safe.trim().slice(0, 100) || 'comparison';
}

async function askWhere(
  name: string,
  filters: Record<string, string[]>,
): Promise<vscode.Uri | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return await vscode.window.showSaveDialog({
    title: t('Export'),
    filters,
    defaultUri:
      folder?.scheme === 'file'
        ? vscode.Uri.file(join(folder.fsPath, name))
        : vscode.Uri.file(resolve(name)),
  });
}

async function write(uri: vscode.Uri, bytes: Uint8Array): Promise<void> {
  try {
    await vscode.workspace.fs.writeFile(uri, bytes);
  } catch (cause) {
    throw new PlainError(
      t('{0} can’t be written: {1}', uri.fsPath, messageOf(cause)),
      t('Choose another folder, or make room.'),
      { cause },
    );
  }
}
