import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVSIX } from '@vscode/vsce';

/**
 * The Python extension can't be had here (it is on a gallery, not on npm). This one has its name and
 * exports what its API documents, as the real one does (`@vscode/python-extension`): a folder's
 * active environment, all known ones, and details of one.
 */
export interface StandIn {
  /** The program of the environment that is chosen for every folder. */
  active: string;
  /** Programs of all environments it knows. */
  known: readonly string[];
}

const manifest = {
  name: 'python',
  publisher: 'ms-python',
  displayName: 'Python (stand-in for tests)',
  version: '2026.1.0',
  engines: { vscode: '^1.101.0' },
  main: './extension.js',
  activationEvents: [],
  extensionKind: ['workspace'],
  files: ['extension.js'],
};

const source = ({ active, known }: StandIn): string => `
const vscode = require('vscode');
const { dirname } = require('node:path');
const environmentOf = (python) => ({
  id: python,
  path: python,
  executable: { uri: vscode.Uri.file(python), bitness: '64-bit', sysPrefix: dirname(dirname(python)) },
  environment: undefined,
  version: undefined,
  tools: ['Venv'],
});
class Environments {
  #known = ${JSON.stringify(known)}.map(environmentOf);
  get known() { return this.#known; }
  getActiveEnvironmentPath(resource) {
    if (resource !== undefined && !(resource instanceof vscode.Uri)) throw new Error('no Uri');
    return { id: ${JSON.stringify(active)}, path: ${JSON.stringify(active)} };
  }
  async resolveEnvironment(environment) {
    const path = typeof environment === 'string' ? environment : environment.path;
    return this.#known.find((each) => each.path === path);
  }
}
exports.activate = async () => {
  // The real one looks around for a while before it is ready.
  await new Promise((resolve) => setTimeout(resolve, 300));
  return { ready: Promise.resolve(), environments: new Environments() };
};
`;

/** Packs it into a folder; returns the file. */
export async function packPythonExtension(folder: string, standIn: StandIn): Promise<string> {
  const cwd = join(folder, 'python-extension');
  await mkdir(cwd);
  await writeFile(join(cwd, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(cwd, 'extension.js'), source(standIn));
  await writeFile(join(cwd, 'README.md'), 'A stand-in for tests.\n');
  const packagePath = join(folder, 'python-extension.vsix');
  await createVSIX({
    ...{ cwd, packagePath, dependencies: false },
    ...{ allowMissingRepository: true, skipLicense: true },
  });
  return packagePath;
}
