import * as z from 'zod';
import { runStates } from '../../run/model/manifest.ts';
import type { ProtocolOf } from '../channel.ts';
import {
  colourModes,
  index,
  measure,
  pathView,
  promptKey,
  revealTarget,
  segmentId,
  strip,
  tokenDetail,
  treeRow,
} from '../model/shapes.ts';
import { field as recipeField } from '../recipe-form/protocol.ts';

/**
 * What the explorer's webview and the extension host say to each other, both directions.
 *
 * The host answers questions about one run and keeps no view state; what one looks at (filter,
 * folds, selection, scroll) lives in the webview, which asks only for the rows it shows. When the
 * run grows the host sends `update`, never rows, and only while the view is visible.
 */

const colourChoice = z.object({ colour: z.enum(colourModes) });

export const promptSorts = ['recorded', 'reward', 'reward_std', 'truncated', 'resamples'] as const;
export type PromptSort = (typeof promptSorts)[number];

export const outcomes = ['any', 'mixed', 'right', 'wrong'] as const;
export type Outcome = (typeof outcomes)[number];

/** Which prompts are listed, and in which order. */
export const promptQuery = z.object({
  /** Case doesn't matter; every word must occur in the prompt or its id. */
  text: z.string().max(1000),
  outcome: z.enum(outcomes),
  sort: z.enum(promptSorts),
  descending: z.boolean(),
  /** Under a header for each step, newest step first; else one list over the whole run. */
  by_step: z.boolean(),
  /** Steps whose prompts are folded away. */
  folded: z.array(index),
  /** Later steps stay out, so that the list holds still while somebody reads it. */
  until_step: index.nullable(),
});
export type PromptQuery = z.infer<typeof promptQuery>;

/** What is listed until somebody asks otherwise. */
export const allPrompts: PromptQuery = {
  text: '',
  outcome: 'any',
  sort: 'recorded',
  descending: true,
  by_step: true,
  folded: [],
  until_step: null,
};

const place = { position: index, size: index };

export const promptRow = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('step'),
    step: index,
    prompts: index,
    reward: measure,
    folded: z.boolean(),
    ...place,
  }),
  z.object({
    kind: z.literal('prompt'),
    step: index,
    prompt_id: z.string(),
    /** One line; what all prompts of the run begin with is left out. */
    title: z.string(),
    /** Null where no reward function judges that. */
    correct: index.nullable(),
    completions: index,
    reward_mean: measure,
    reward_std: measure,
    truncated: index,
    resamples: index,
    ...place,
  }),
]);
export type PromptRow = z.infer<typeof promptRow>;

export const promptWindow = z.object({
  /** Rows in the whole list, and prompts among them. */
  total: index,
  prompts: index,
  /** The first row's index in the list. */
  from: index,
  rows: z.array(promptRow),
});
export type PromptWindow = z.infer<typeof promptWindow>;

export const treeView = z.object({
  step: index,
  prompt_id: z.string(),
  prompt: z.string(),
  /** Set when `prompt` was cut for display: its whole length. */
  prompt_length: index.nullable(),
  completions: index,
  reward_mean: measure,
  /** Where the longest path ends, in tokens: the width of all strips. */
  extent: index,
  rows: z.array(treeRow),
});
export type TreeView = z.infer<typeof treeView>;

/** The run as the header shows it; sent on `open` and with every `update`. */
export const runHeader = z.object({
  /** Run directory; what the panel is restored by. */
  directory: z.string(),
  name: z.string(),
  strategy: z.enum(['adaptive', 'baseline']),
  state: z.enum([...runStates, 'crashed']),
  /** What went wrong and what to do next; '' where there is nothing to say. */
  message: z.string(),
  next: z.string(),
  /** Last finished step; null before the first. */
  step: index.nullable(),
  max_steps: index,
  reward: measure,
  truncation_rate: measure,
  prompts: index,
  completions: index,
  /** Set when only a part of a step's prompts is recorded. */
  capture: z.object({ recorded: index, of: index.nullable() }).nullable(),
  /** Sentences about what could not be read. */
  problems: z.array(z.string()),
  /** What triggers, for the legend. */
  thresholds: z.object({ max_prob: z.number(), entropy: z.number() }),
  /** Whether the run takes commands from here. */
  controllable: z.boolean(),
  /** Another number: the run was replaced by another, and nothing asked for before still holds. */
  revision: index,
  /** Newest recorded step, and the number of recorded steps. */
  newest_step: index.nullable(),
  /** Continuations that were asked for: trees that are shown grow by them. */
  probes: index,
  steps: index,
  /** The prompt of the newest step most worth a look. */
  interesting: promptKey.nullable(),
});
export type RunHeader = z.infer<typeof runHeader>;

const runRecipeField = recipeField.extend({
  /** The last change while the run went on: the value before, and the step after which. */
  changed: z.object({ from: z.string(), step: index }).nullable(),
});
export type RunRecipeField = z.infer<typeof runRecipeField>;

/** What the run trains by at the moment. */
export const runRecipe = z.object({
  /** What can be set now; empty where the run takes no commands. */
  live: z.array(runRecipeField),
  /** The rest, by group: what can only be different in the next run. */
  groups: z.array(z.object({ name: z.string(), fields: z.array(runRecipeField) })),
});
export type RunRecipe = z.infer<typeof runRecipe>;

/** A key and its value as YAML of one line. */
const recipeChange = z.object({ key: z.string().min(1).max(100), text: z.string().max(10_000) });
export type RecipeChange = z.infer<typeof recipeChange>;

export const explorerCommands = ['pause', 'resume', 'step', 'stop'] as const;
export type ExplorerCommand = (typeof explorerCommands)[number];

const nothing = z.object({});

/** What the webview may ask. */
export const schemas = {
  open: nothing,
  prompts: z.object({ query: promptQuery, from: index, to: index }),
  /** Where a prompt stands in the list. */
  locate: z.object({ query: promptQuery, key: promptKey }),
  tree: promptKey,
  strips: promptKey.extend({
    segment_ids: z.array(segmentId).max(500),
    mode: z.enum(colourModes),
    /** Tokens a cell. */
    stride: z.number().int().positive(),
  }),
  path: promptKey.extend({ segment_id: segmentId }),
  token: promptKey.extend({ segment_id: segmentId, position: index }),
  command: z.object({ command: z.enum(explorerCommands) }),
  recipe: nothing,
  /** Changes a key of the running recipe at the next safe point; answered when that was done. */
  set: recipeChange,
  /** Opens a copy of the run's recipe with these changes, for the next run. */
  next_recipe: z.object({ changes: z.array(recipeChange).max(500) }),
  /** Opens a path as a text document beside the explorer, at a token where one is given. */
  open_document: z.object({ segment_id: segmentId, position: index.nullable() }),
  /** Shows what the other completions of the prompt say at token `position`. */
  siblings: z.object({ segment_id: segmentId, position: index }),
  /** Samples other continuations of the path, in place of what follows token `position`. */
  fork: z.object({
    segment_id: segmentId,
    position: index,
    /** Id of the token they begin with, if any. */
    alternative: z.number().int().optional(),
  }),
  /** What tokens are coloured by, here and in rollout documents. */
  colour: colourChoice,
  /** Start a crashed or stopped run again from its last checkpoint. */
  resume_run: nothing,
  show_log: nothing,
};

/** What the host answers. */
export const results = {
  open: runHeader,
  prompts: promptWindow,
  locate: index.nullable(),
  /** Null where the run has no such prompt (any more). */
  tree: treeView.nullable(),
  strips: z.array(strip),
  path: pathView,
  token: tokenDetail,
  command: z.object({ message: z.string() }),
  recipe: runRecipe,
  set: z.object({ message: z.string() }),
  next_recipe: z.null(),
  open_document: z.null(),
  siblings: z.null(),
  fork: z.null(),
  colour: z.null(),
  resume_run: z.null(),
  show_log: z.null(),
};

/** What the host tells unasked. */
export const events = {
  update: runHeader,
  reveal: revealTarget,
  colour: colourChoice,
  fork: nothing,
};

export type Protocol = ProtocolOf<typeof schemas, typeof results, typeof events>;
