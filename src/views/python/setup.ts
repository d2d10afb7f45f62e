import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';
import { examineAll, noneOf } from '../../launch/python/choose.ts';
import { packageNames } from '../../launch/python/facts.ts';
import { bundledTrainer, createEnvironment, installInto } from '../../launch/python/install.ts';
import type { InstallOptions } from '../../launch/python/install.ts';
import { findInterpreters } from '../../launch/python/interpreters.ts';
import { leastPython } from '../../launch/python/lack.ts';
import type { PythonPlaces } from './places.ts';
import { choosePython } from './select.ts';

/** What the command may be told: all of it may be left out. */
const request = z.object({
  /** Beside the trainer. */
  packages: z.array(z.enum(packageNames)).default([]),
  /** A Python that could have the trainer installed into it. */
  into: z.string().nullable().default(null),
});

/** Where the trainer goes. */
type Home =
  { kind: 'new'; folder: string; remember: boolean } | { kind: 'existing'; python: string };

/**
 * "Set Up Python for Training": makes an environment and installs the trainer, with progress, a way
 * back, and its log in an output channel. Whether there is one in the end.
 */
export async function setUpPython(
  places: PythonPlaces,
  output: vscode.OutputChannel,
  argument: unknown,
): Promise<boolean> {
  const parsed = request.safeParse(argument ?? {});
  const { packages, into } = parsed.success ? parsed.data : request.parse({});
  const home = await askForHome(places, into);
  if (home === undefined) return false;
  const bundled = await bundledTrainer(places.trainer);
  output.appendLine(`\n[${new Date().toLocaleString()}] ${t('Setting up Python for training')}`);
  const progress = {
    location: vscode.ProgressLocation.Notification,
    title: t('Setting up Python'),
    cancellable: true,
  };
  const python = await vscode.window.withProgress(progress, async (report, token) => {
    const cancel = new AbortController();
    const subscription = token.onCancellationRequested(() => cancel.abort());
    const options: InstallOptions = {
      bundled,
      packages,
      signal: cancel.signal,
      onText: (text) => output.append(text),
      onStage: (message) => report.report({ message }),
    };
    try {
      if (home.kind === 'existing') {
        await installInto(home.python, options);
        return home.python;
      }
      report.report({ message: t('looking for a Python…') });
      const base = await basePython(places, cancel.signal);
      return await createEnvironment(base, home.folder, options);
    } finally {
      subscription.dispose();
    }
  });
  output.appendLine(t('Ready: {0}', python));
  // What was chosen before would still be asked first.
  const { setting } = await places.choice(undefined);
  if (setting !== '' || (home.kind === 'new' && home.remember)) await choosePython(python);
  vscode.window.setStatusBarMessage(`$(check) ${t('Python is ready for training.')}`, 5000);
  return true;
}

interface Item extends vscode.QuickPickItem {
  home: () => Promise<Home | undefined> | Home;
}

async function askForHome(places: PythonPlaces, into: string | null): Promise<Home | undefined> {
  const { folder } = await places.choice(undefined);
  const items: Item[] = [];
  if (folder !== null) {
    const environment = join(folder, '.venv');
    items.push({
      label: `$(root-folder) ${t('In this workspace')}`,
      description: existsSync(environment) ? t('into the .venv that is there') : '.venv',
      detail: environment,
      home: () => ({ kind: 'new', folder: environment, remember: false }),
    });
  }
  items.push(
    {
      label: `$(package) ${t('For all workspaces')}`,
      description: t('kept by the extension'),
      detail: places.ownEnvironment,
      home: () => ({ kind: 'new', folder: places.ownEnvironment, remember: false }),
    },
    {
      label: `$(folder-opened) ${t('In another folder…')}`,
      home: async () => {
        const parent = await chooseFolder(folder);
        if (parent === undefined) return undefined;
        const name = basename(parent).includes('venv') ? '' : 'adaptive-grpo-venv';
        return { kind: 'new', folder: join(parent, name), remember: true };
      },
    },
  );
  if (into !== null) {
    items.push({
      label: `$(desktop-download) ${t('Into a Python that is there')}`,
      description: into,
      home: () => ({ kind: 'existing', python: into }),
    });
  }
  const picked = await vscode.window.showQuickPick(items, {
    title: t('Set Up Python for Training'),
    placeHolder: t('Where should the trainer be installed? With PyTorch it takes some gigabytes.'),
    ignoreFocusOut: true,
  });
  return picked?.home();
}

async function chooseFolder(beside: string | null): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: t('Set Up Python for Training'),
    openLabel: t('Install Here'),
    canSelectFiles: false,
    canSelectFolders: true,
    ...(beside === null ? {} : { defaultUri: vscode.Uri.file(beside) }),
  });
  return chosen?.[0]?.fsPath;
}

/** A Python that is new enough to make an environment with. */
async function basePython(places: PythonPlaces, signal: AbortSignal): Promise<string> {
  const wanted = { ...(await bundledTrainer(places.trainer)), packages: [] };
  const candidates = await findInterpreters(await places.choice(undefined));
  const examined = await examineAll(candidates, wanted, signal);
  const usable = examined.find(
    (each) => each.kind === 'fit' || (each.kind === 'lacking' && !each.tooOld),
  );
  if (usable !== undefined) return usable.python;
  const least = leastPython.join('.');
  throw new PlainError(
    noneOf(examined, wanted).message,
    t('Install Python {0} or newer (https://www.python.org), then try again.', least),
  );
}
