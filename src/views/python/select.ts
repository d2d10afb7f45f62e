import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { distinct, examineAll } from '../../launch/python/choose.ts';
import type { Choice, Examined } from '../../launch/python/choose.ts';
import type { PackageName, PythonFacts } from '../../launch/python/facts.ts';
import { bundledTrainer } from '../../launch/python/install.ts';
import { findInterpreters, namedInterpreter } from '../../launch/python/interpreters.ts';
import type { Candidate } from '../../launch/python/interpreters.ts';
import { commands, section, settings } from '../ids.ts';
import type { PythonPlaces } from './places.ts';

interface Item extends vscode.QuickPickItem {
  /** Whether a Python was chosen in the end. */
  choose?: () => Promise<boolean>;
}

/** "Select Python for Training": all there are, and what they have. Whether one was chosen. */
export async function selectPython(places: PythonPlaces): Promise<boolean> {
  const cancel = new AbortController();
  const title = t('Select Python for Training');
  const picker = vscode.window.createQuickPick<Item>();
  picker.title = title;
  picker.placeholder = t('Looking at the Pythons of this computer…');
  picker.busy = true;
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  picker.items = ways(places);
  const picked = new Promise<Item | undefined>((resolve) => {
    picker.onDidAccept(() => resolve(picker.selectedItems[0]));
    picker.onDidHide(() => resolve(undefined));
  });
  picker.show();
  const filling = fill(picker, places, cancel.signal).catch((error: unknown) => {
    if (!cancel.signal.aborted) throw error;
  });
  try {
    const item = await Promise.race([picked, filling.then(() => picked)]);
    cancel.abort();
    return (await item?.choose?.()) ?? false;
  } finally {
    cancel.abort();
    picker.dispose();
  }
}

async function fill(
  picker: vscode.QuickPick<Item>,
  places: PythonPlaces,
  signal: AbortSignal,
): Promise<void> {
  const wanted = { ...(await bundledTrainer(places.trainer)), packages: [] };
  const choice = await places.choice(undefined);
  const chosen = await chosenIn(choice);
  const candidates = [...chosen, ...(await findInterpreters(choice))];
  const examined = await examineAll(candidates, wanted, signal);
  // A shim of a version that isn't there is nothing to choose.
  const answering = distinct(examined).filter(({ kind }) => kind !== 'broken');
  const sorted = answering.toSorted((a, b) => Number(a.kind !== 'fit') - Number(b.kind !== 'fit'));
  const isChosen = ({ python }: Examined) => chosen.some((each) => each.python === python);
  picker.items = [...sorted.map((each) => itemOf(each, isChosen(each))), ...ways(places)];
  picker.placeholder = t('The Python that recipes with `engine: trl` are trained by');
  picker.busy = false;
}

/** The one in the settings, where it is there. */
async function chosenIn(choice: Choice): Promise<Candidate[]> {
  const { setting, folder } = choice;
  if (setting === '') return [];
  const python = await namedInterpreter(setting, folder).catch(() => null);
  return python === null ? [] : [{ python, source: setting }];
}

function itemOf(examined: Examined, isChosen: boolean): Item {
  const icon = examined.kind === 'fit' ? 'check' : 'circle-outline';
  const version = examined.kind === 'broken' ? '' : ` ${examined.facts.python}`;
  return {
    label: `$(${icon}) Python${version}`,
    description: isChosen ? t('{0} (chosen)', examined.python) : examined.python,
    detail: examined.kind === 'broken' ? examined.why : detailOf(examined),
    choose: () => choosePython(examined.python),
  };
}

const shown: readonly PackageName[] = ['adaptive-grpo', 'trl', 'torch', 'vllm', 'accelerate'];

function detailOf(examined: Examined & { facts: PythonFacts }): string {
  const { packages, cuda } = examined.facts;
  const has = shown.flatMap((name) => {
    const version = packages[name];
    return version === null ? [] : [`${name} ${version}`];
  });
  const built = packages.torch === null ? [] : [cuda === null ? t('no CUDA') : `CUDA ${cuda}`];
  const why = 'why' in examined ? [examined.why] : [];
  return [...why, ...has, ...built].join('  ·  ');
}

const ways = (places: PythonPlaces): Item[] => [
  { label: '', kind: vscode.QuickPickItemKind.Separator },
  {
    label: `$(add) ${t('Set up a new environment…')}`,
    detail: t('Installs the trainer and what it needs'),
    choose: async () => (await vscode.commands.executeCommand(commands.setUpPython)) === true,
  },
  { label: `$(folder-opened) ${t('Choose a file…')}`, choose: () => chooseFile(places) },
  {
    label: `$(discard) ${t('Find one automatically')}`,
    detail: t('The first that can train: of the workspace, of the shell, on the PATH'),
    choose: () => choosePython(''),
  },
];

async function chooseFile(places: PythonPlaces): Promise<boolean> {
  const { folder } = await places.choice(undefined);
  const [file] =
    (await vscode.window.showOpenDialog({
      title: t('Select Python for Training'),
      openLabel: t('Select'),
      ...(folder === null ? {} : { defaultUri: vscode.Uri.file(folder) }),
    })) ?? [];
  return file === undefined ? false : choosePython(file.fsPath);
}

/** Kept for the workspace where one is open, else for the person; '' for none in particular. */
export async function choosePython(python: string): Promise<boolean> {
  const hasFolder = (vscode.workspace.workspaceFolders ?? []).length > 0;
  await vscode.workspace
    .getConfiguration(section)
    .update(
      settings.pythonPath,
      python === '' ? undefined : python,
      hasFolder ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global,
    );
  return true;
}
