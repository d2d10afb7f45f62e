import { join } from 'node:path';
import * as vscode from 'vscode';
import { z } from 'zod';
import type { AccelerateConfig } from '../../launch/python/command-line.ts';
import { resolveInterpreter } from '../../launch/python/choose.ts';
import type { Choice } from '../../launch/python/choose.ts';
import type { PackageName } from '../../launch/python/facts.ts';
import { bundledTrainer } from '../../launch/python/install.ts';
import { pythonOf } from '../../launch/python/interpreters.ts';
import type { Candidate } from '../../launch/python/interpreters.ts';
import type { PythonChoice } from '../../launch/python/target.ts';
import { section, settings } from '../ids.ts';

/** Which Python trains here, by the settings, the workspace and the Python extension. */
export class PythonPlaces implements PythonChoice {
  readonly #extensionUri: vscode.Uri;
  readonly #storage: vscode.Uri;

  constructor({ extensionUri, globalStorageUri }: vscode.ExtensionContext) {
    this.#extensionUri = extensionUri;
    this.#storage = globalStorageUri;
  }

  /** The trainer's sources. */
  get trainer(): string {
    return vscode.Uri.joinPath(this.#extensionUri, 'trainer').fsPath;
  }

  /** The environment that is ours to make, whatever folder is open. */
  get ownEnvironment(): string {
    return join(this.#storage.fsPath, 'python');
  }

  accelerateFile(name: string): string {
    const folder = ['recipes', 'accelerate_configs'];
    return vscode.Uri.joinPath(this.#extensionUri, ...folder, `${name}.yaml`).fsPath;
  }

  async interpreter(
    recipe: string,
    packages: readonly PackageName[],
    signal?: AbortSignal,
  ): ReturnType<PythonChoice['interpreter']> {
    const bundled = await bundledTrainer(this.trainer);
    return resolveInterpreter(
      await this.choice(vscode.Uri.file(recipe)),
      { ...bundled, packages },
      signal,
    );
  }

  accelerateConfig(recipe: string): AccelerateConfig | null {
    const uri = vscode.Uri.file(recipe);
    const value = text(uri, settings.accelerateConfig);
    if (value === '') return null;
    if (/^[\w-]+$/.test(value)) return { file: this.accelerateFile(value), ours: true };
    const folder = folderOf(uri) ?? vscode.Uri.joinPath(uri, '..');
    return { file: resolvePath(folder, value), ours: false };
  }

  /** What there is to choose from, for a file of the workspace. */
  async choice(uri: vscode.Uri | undefined): Promise<Choice> {
    const folder = folderOf(uri);
    const own = { python: pythonOf(this.ownEnvironment), source: this.ownEnvironment };
    return {
      setting: text(uri, settings.pythonPath),
      folder: folder?.fsPath ?? null,
      folders: [...new Set([...(folder === null ? [] : [folder.fsPath]), ...allFolders()])],
      known: [...(await activeOfPythonExtension(folder)), own, ...knownToPythonExtension()],
    };
  }
}

function text(uri: vscode.Uri | undefined, name: string): string {
  const value = vscode.workspace.getConfiguration(section, uri).get<unknown>(name);
  return typeof value === 'string' ? value.trim() : '';
}

function resolvePath(folder: vscode.Uri, path: string): string {
  const absolute = /^([a-zA-Z]:)?[\\/]/.test(path);
  return absolute ? path : vscode.Uri.joinPath(folder, path).fsPath;
}

/** The workspace's folder of a file, or the first one; null without any on this computer. */
function folderOf(uri: vscode.Uri | undefined): vscode.Uri | null {
  const around = uri === undefined ? undefined : vscode.workspace.getWorkspaceFolder(uri);
  const folder = around ?? vscode.workspace.workspaceFolders?.[0];
  return folder?.uri.scheme === 'file' ? folder.uri : null;
}

const allFolders = (): string[] =>
  (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ uri }) => uri.fsPath);

/** The part that is used of what `ms-python.python` exports. It is never required. */
const environments = z.object({
  known: z.array(z.unknown()).catch([]),
  getActiveEnvironmentPath: z.custom<(resource?: vscode.Uri) => unknown>(
    (value) => typeof value === 'function',
  ),
});
const exported = z.object({ environments: z.unknown() });
const activePath = z.object({ path: z.string().min(1) });
const knownEnvironment = z.object({
  path: z.string(),
  executable: z.object({ uri: z.object({ fsPath: z.string().min(1) }) }),
});

const ACTIVATION_MS = 5000;

const pythonExtension = (): vscode.Extension<unknown> | undefined =>
  vscode.extensions.getExtension<unknown>('ms-python.python');

/** The Python that is chosen for the folder in VS Code. */
async function activeOfPythonExtension(folder: vscode.Uri | null): Promise<Candidate[]> {
  const extension = pythonExtension();
  if (extension === undefined) return [];
  try {
    const api = exported.parse(await soon(extension.activate()));
    const { getActiveEnvironmentPath } = environments.parse(api.environments);
    const found = activePath.parse(
      getActiveEnvironmentPath.call(api.environments, folder ?? undefined),
    );
    // A folder where the environment has no Python of its own; a command where it is the default.
    return [found.path, pythonOf(found.path)].map((python) => ({ python, source: extension.id }));
  } catch {
    // Another version of it, or one that can't start: we look around by ourselves.
    return [];
  }
}

/** Others' extensions may take their time, or never be done. */
function soon<T>(value: Thenable<T>): Promise<T> {
  return Promise.race([
    Promise.resolve(value),
    new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('It took too long.')), ACTIVATION_MS);
    }),
  ]);
}

/** What it has found on this computer. */
function knownToPythonExtension(): Candidate[] {
  const extension = pythonExtension();
  if (extension?.isActive !== true) return [];
  const api = exported.safeParse(extension.exports);
  const parsed = api.success ? environments.safeParse(api.data.environments) : null;
  return (parsed?.data?.known ?? []).flatMap((each) => {
    const found = knownEnvironment.safeParse(each);
    if (!found.success) return [];
    return [{ python: found.data.executable.uri.fsPath, source: extension.id }];
  });
}
