import './views/l10n.ts';
import * as vscode from 'vscode';
import { BuiltInTarget } from './launch/built-in.ts';
import { TargetByRecipe } from './launch/by-recipe.ts';
import { GpuWatch } from './launch/python/gpu-watch.ts';
import { PythonTarget } from './launch/python/target.ts';
import { Runs } from './launch/runs.ts';
import { StorePool } from './launch/store-pool.ts';
import { ChartsView } from './views/charts/view.ts';
import { ColourChoice } from './views/colour.ts';
import { registerCompare } from './views/compare/index.ts';
import { registerCommands } from './views/commands/register.ts';
import { runsDirectories } from './views/configuration.ts';
import { followContexts } from './views/contexts.ts';
import { tellEndings } from './views/endings.ts';
import { registerExplorer } from './views/explorer/index.ts';
import { registerFork } from './views/fork/index.ts';
import { registerPython } from './views/python/index.ts';
import { PythonPlaces } from './views/python/places.ts';
import { registerRecipeFeatures } from './views/recipe/index.ts';
import { revealAtStart } from './views/reveal-at-start.ts';
import { tokenAtCursor } from './views/rollout/commands.ts';
import { registerRollouts } from './views/rollout/index.ts';
import { openedBefore, rememberOpened } from './views/runs/opened.ts';
import { RunLog } from './views/run-log/run-log.ts';
import { RunsTree } from './views/runs/tree.ts';
import type { Services } from './views/services.ts';
import { StatusBar } from './views/status-bar.ts';

/** Builds the parts, connects them, nothing else. */
export function activate(context: vscode.ExtensionContext): void {
  const { extensionUri, globalState, globalStorageUri, subscriptions, workspaceState } = context;
  const log = vscode.window.createOutputChannel('Adaptive GRPO', { log: true });
  const engine = vscode.Uri.joinPath(extensionUri, 'dist', 'engine.js').fsPath;
  const places = new PythonPlaces(context);
  const target = new TargetByRecipe({
    'built-in': new BuiltInTarget(engine),
    trl: new PythonTarget(places, {
      ddpConfig: places.accelerateFile('ddp'),
      log: (line) => log.info(line),
    }),
  });
  const runs = new Runs(target, openedBefore(workspaceState));
  const stores = new StorePool();
  const colour = new ColourChoice(globalState);
  const runLog = new RunLog(stores);
  const gpus = new GpuWatch();
  const services: Services = { extensionUri, log, runLog, runs, stores, colour };

  const lookAround = () => void runs.setDirectories(runsDirectories(globalStorageUri));
  subscriptions.push(
    log,
    runs,
    stores,
    new RunsTree(runs),
    new ChartsView(services),
    runLog,
    gpus,
    new StatusBar(runs, gpus),
    followContexts(runs),
    rememberOpened(runs, workspaceState),
    tellEndings(services),
    revealAtStart(runs),
    ...registerCommands(services, context),
    vscode.workspace.onDidChangeWorkspaceFolders(lookAround),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('adaptiveGrpo')) lookAround();
    }),
  );
  const explorers = registerExplorer(context, services);
  registerCompare(context, services);
  const documents = registerRollouts(context, services);
  registerFork(context, services, engine, {
    tokenAtCursor: () => tokenAtCursor(documents),
    forkInExplorer: () => explorers.fork(),
  });
  registerRecipeFeatures(context, services);
  registerPython(context, log, places);
  lookAround();
}
