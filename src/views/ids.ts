/** Every id the manifest knows, once. A test holds them against `package.json`. */

export const commands = {
  startRun: 'adaptiveGrpo.startRun',
  createRecipe: 'adaptiveGrpo.createRecipe',
  stopRun: 'adaptiveGrpo.stopRun',
  pauseRun: 'adaptiveGrpo.pauseRun',
  resumeRun: 'adaptiveGrpo.resumeRun',
  stepRun: 'adaptiveGrpo.stepRun',
  writeCheckpoint: 'adaptiveGrpo.writeCheckpoint',
  openRecordedRun: 'adaptiveGrpo.openRecordedRun',
  revealInExplorer: 'adaptiveGrpo.revealInExplorer',
  showLog: 'adaptiveGrpo.showLog',
  openRunFolder: 'adaptiveGrpo.openRunFolder',
  removeRun: 'adaptiveGrpo.removeRun',
  deleteRun: 'adaptiveGrpo.deleteRun',
  dryRun: 'adaptiveGrpo.dryRun',
  whatWouldItDo: 'adaptiveGrpo.whatWouldItDo',
  openRecipeForm: 'adaptiveGrpo.openRecipeForm',
  applyToRun: 'adaptiveGrpo.applyToRun',
  openRolloutDocument: 'adaptiveGrpo.openRolloutDocument',
  diffRollouts: 'adaptiveGrpo.diffRollouts',
  nextFailurePoint: 'adaptiveGrpo.nextFailurePoint',
  previousFailurePoint: 'adaptiveGrpo.previousFailurePoint',
  siblingsAtToken: 'adaptiveGrpo.siblingsAtToken',
  colourTokens: 'adaptiveGrpo.colourTokens',
  forkFromToken: 'adaptiveGrpo.forkFromToken',
  setCompletionServerKey: 'adaptiveGrpo.setCompletionServerKey',
  removeCompletionServerKey: 'adaptiveGrpo.removeCompletionServerKey',
  compareWithBaseline: 'adaptiveGrpo.compareWithBaseline',
  openComparison: 'adaptiveGrpo.openComparison',
  selectPython: 'adaptiveGrpo.selectPython',
  setUpPython: 'adaptiveGrpo.setUpPython',
} as const;

/** The language of the output channel that shows a run's log. */
export const logLanguage = 'adaptive-grpo-log';

export const views = {
  container: 'adaptiveGrpo',
  runs: 'adaptiveGrpo.runs',
  charts: 'adaptiveGrpo.charts',
} as const;

/** The form of a recipe: a custom editor of the same file. */
export const recipeFormViewType = 'adaptiveGrpo.recipeForm';

/** The editor-area webview. */
export const explorerViewType = 'adaptiveGrpo.explorer';

/** Theme colours of rollout documents. */
export const colours = {
  uncertainty: 'adaptiveGrpo.uncertainty',
  positiveAdvantage: 'adaptiveGrpo.positiveAdvantage',
  negativeAdvantage: 'adaptiveGrpo.negativeAdvantage',
  failurePoint: 'adaptiveGrpo.failurePoint',
} as const;

/** The compare view: two sides of runs, in a tab of its own, or as an editor of a `comparison.json`. */
export const compareViewType = 'adaptiveGrpo.compare';
export const comparisonFileViewType = 'adaptiveGrpo.comparisonFile';

export const walkthrough = 'firstRun';

/** Keys that `when` clauses read: whether there is any run a command could act on. */
export const contexts = {
  hasRuns: 'adaptiveGrpo.hasRuns',
  canStop: 'adaptiveGrpo.canStop',
  canPause: 'adaptiveGrpo.canPause',
  canResume: 'adaptiveGrpo.canResume',
  canStep: 'adaptiveGrpo.canStep',
  canCheckpoint: 'adaptiveGrpo.canCheckpoint',
} as const;

/** Settings, below the section `adaptiveGrpo`. */
export const section = 'adaptiveGrpo';
export const settings = {
  runsDirectory: 'runsDirectory',
  startupTimeout: 'startupTimeout',
  completionServers: 'completionServers',
  completionTimeout: 'completionTimeout',
  pricePerHour: 'pricePerHour',
  pricePerMillionTokens: 'pricePerMillionTokens',
  currency: 'currency',
  pythonPath: 'pythonPath',
  accelerateConfig: 'accelerateConfig',
} as const;

/** `viewItem` of a row in the tree of runs: what can be done with it. */
export const runContexts = {
  starting: 'run.starting',
  running: 'run.running',
  paused: 'run.paused',
  /** Ended before its last step, from a checkpoint or from the start it can go on. */
  resumable: 'run.resumable',
  ended: 'run.ended',
  unreadable: 'unreadable',
} as const;
