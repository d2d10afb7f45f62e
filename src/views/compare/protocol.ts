import * as z from 'zod';
import { outcomes, promptOrders } from '../../compare/align.ts';
import { comparedRun, comparisonSchema } from '../../compare/model.ts';
import { segmentStatuses } from '../../run/model/segment.ts';
import type { ProtocolOf } from '../channel.ts';
import { colourModes, strip } from '../model/shapes.ts';
import { specSchema } from './spec.ts';

/**
 * What the compare view's webview and the extension host say to each other, both directions.
 *
 * After `open` the host sends the whole comparison, and again whenever other runs are compared;
 * then only what is new, at most a few times a second and only while the view can be seen. Prompts
 * are asked for by the rows in sight; `changed` says that there may be others by now.
 */

const index = z.number().int().nonnegative();
const measure = z.number().nullable();
const sideIndex = z.union([z.literal(0), z.literal(1)]);
export type SideIndex = z.infer<typeof sideIndex>;

const point = comparedRun.shape.steps.element;
/** Points in ascending steps; `from` is the index of the first: it and all later ones are replaced. */
const tail = z.object({ from: index, points: z.array(point) });
export type Tail = z.infer<typeof tail>;

/** A run as its line in the header says it. */
const runLine = z.object({
  side: sideIndex,
  seed: z.number().int().nullable(),
  /** `running`, `finished`, …; `waiting` and `starting` while the comparison is being made. */
  state: z.string(),
  /** Whether it may go on; what is recorded in a `comparison.json` alone does not. */
  alive: z.boolean(),
  /** Null where nothing was started yet. */
  directory: z.string().nullable(),
  step: index.nullable(),
  max_steps: index.nullable(),
  /** What went wrong and what to do next; '' where there is nothing to say. */
  message: z.string(),
  next: z.string(),
});
export type RunLine = z.infer<typeof runLine>;

/** Two runs whose rollouts are at hand, so that their prompts can be laid side by side. */
const seedPair = z.object({
  /** Index among the runs of each side. */
  runs: z.tuple([index, index]),
  label: z.string(),
});

/** What is not a curve: small, and sent whole with every change. */
const summary = comparisonSchema
  .pick({
    name: true,
    pricing: true,
    targets: true,
    table: true,
    notes: true,
    budget: true,
    same_tokens: true,
  })
  .extend({
    lines: z.array(runLine),
    pairs: z.array(seedPair),
    /** Whether there is a run that "Stop" would stop. */
    stoppable: z.boolean(),
  });
export type Summary = z.infer<typeof summary>;

/** A run's curves that grew. */
const runGrowth = z.object({
  side: sideIndex,
  /** Index among the runs of its side. */
  run: index,
  state: comparedRun.shape.state,
  problems: z.array(z.string()),
  steps: tail,
  evaluations: tail,
});
export type RunGrowth = z.infer<typeof runGrowth>;

const growth = z.object({ summary, runs: z.array(runGrowth) });
export type Growth = z.infer<typeof growth>;

export const compareState = z.discriminatedUnion('kind', [
  /** `words`: what is being waited for. */
  z.object({ kind: z.literal('loading'), words: z.string() }),
  z.object({ kind: z.literal('failed'), message: z.string(), next: z.string() }),
  z.object({
    kind: z.literal('ready'),
    /** What the tab is restored by. */
    spec: specSchema,
    /** What tokens are coloured by, here and in all views. */
    colour: z.enum(colourModes),
    summary,
    sides: comparisonSchema.shape.sides,
  }),
]);
export type CompareState = z.infer<typeof compareState>;

/** `newest`: moves on with the runs. */
const trainingPoint = z.union([index, z.literal('newest'), z.literal('all')]);

export const promptFilters = ['any', 'won', 'lost', 'both_right', 'both_wrong'] as const;
export type PromptFilter = (typeof promptFilters)[number];

const promptKey = z.object({ step: index, prompt_id: z.string() });
export type PromptKey = z.infer<typeof promptKey>;

/** Which prompts are listed, in which order, and which of them are unfolded. */
export const pairQuery = z.object({
  /** Index among `pairs`. */
  pair: index,
  /** The point of training, as a step of the first side. */
  step: trainingPoint,
  /** Case doesn't matter; every word must occur in the prompt or its id. */
  text: z.string().max(1000),
  filter: z.enum(promptFilters),
  sort: z.enum(promptOrders),
  /** As the first side knows them. */
  unfolded: z.array(promptKey).max(1000),
});
export type PairQuery = z.infer<typeof pairQuery>;

const half = z.object({
  /** Step and id by which this side knows the prompt. */
  key: promptKey,
  completions: index,
  /** Null where no reward function judges that. */
  correct: index.nullable(),
  reward_mean: measure,
});
export type Half = z.infer<typeof half>;

/** A completion: a path from a root to a leaf. */
const leafHalf = z.object({
  segment_id: z.number().int(),
  /** `root 1`, `root 1 › try 2`. */
  label: z.string(),
  /** Tokens that it shares with the path it branched off; 0 on roots. */
  fork_at: index,
  /** Tokens of the whole completion. */
  length: index,
  status: z.enum(segmentStatuses),
  failure_point: index.nullable(),
  reward: measure,
  right: z.boolean().nullable(),
});
export type LeafHalf = z.infer<typeof leafHalf>;

export const pairRow = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('prompt'),
    /** One line; what all prompts of the run begin with is left out. */
    title: z.string(),
    sides: z.tuple([half, half]),
    /** Mean reward of the second side minus that of the first. */
    delta: measure,
    outcome: z.enum(outcomes),
    unfolded: z.boolean(),
    position: index,
    size: index,
  }),
  z.object({
    kind: z.literal('completions'),
    keys: z.tuple([promptKey, promptKey]),
    /** Null where a side has fewer. */
    sides: z.tuple([leafHalf.nullable(), leafHalf.nullable()]),
    /** Position of the first token that differs; null where none does, or tokens can't be compared. */
    differs_at: index.nullable(),
    /** What the two say there; '' where one has ended. */
    differs: z.tuple([z.string(), z.string()]).nullable(),
    delta: measure,
    /** Where the longest completion of both trees ends, in tokens: the width of all strips. */
    extent: index,
    position: index,
    size: index,
  }),
]);
export type PairRow = z.infer<typeof pairRow>;

/** A step at which both sides have prompts in common. */
const commonStep = z.object({ step: index, generated_tokens: measure });

export const pairWindow = z.object({
  /** Rows in the whole list, and prompts among them. */
  total: index,
  prompts: index,
  /** Prompts of each outcome at this point of training, before the filter. */
  counts: z.record(z.enum(promptFilters), index),
  /** Ascending. */
  steps: z.array(commonStep),
  /** The step that is shown; null: all of them, or there is none. */
  step: index.nullable(),
  /** The first row's index in the list. */
  from: index,
  rows: z.array(pairRow),
});
export type PairWindow = z.infer<typeof pairWindow>;

const nothing = z.object({});
const segmentId = z.number().int();
/** A segment of one run of a pair. */
const place = z.object({ pair: index, side: sideIndex, key: promptKey });

/** What the webview may ask. */
export const schemas = {
  open: nothing,
  set_targets: z.object({ targets: z.array(z.number().min(0).max(1)).max(20) }),
  rows: z.object({ query: pairQuery, from: index, to: index }),
  /** Of whole completions, by their leaves. */
  strips: place.extend({
    segment_ids: z.array(segmentId).max(500),
    mode: z.enum(colourModes),
    /** Tokens a cell. */
    stride: z.number().int().positive(),
  }),
  /** The rollout as a document. */
  open_rollout: place.extend({ segment_id: segmentId, position: index.nullable() }),
  /** Both rollouts in VS Code's own diff editor. */
  diff: z.object({ pair: index, segment_ids: z.tuple([segmentId, segmentId]) }),
  explore: place.extend({ segment_id: segmentId.nullable() }),
  /** PNGs in base64, by the names of their charts. */
  save_pictures: z.object({
    pictures: z.array(z.object({ name: z.string().regex(/^[a-z]+$/), data: z.base64() })).min(1),
  }),
  /** A person chooses in a list of VS Code's; pictures of charts are then made by the page. */
  choose_export: nothing,
  set_colour: z.object({ colour: z.enum(colourModes) }),
  stop: nothing,
  open_run: z.object({ directory: z.string() }),
  show_log: z.object({ directory: z.string() }),
  open_price: nothing,
};

/** What the host answers. */
export const results = {
  open: z.null(),
  set_targets: z.null(),
  /** Null where there is no such pair (any more). */
  rows: pairWindow.nullable(),
  strips: z.array(strip),
  open_rollout: z.null(),
  diff: z.null(),
  explore: z.null(),
  /** The sentence to say; null where the person thought better of it. */
  save_pictures: z.string().nullable(),
  /** `light`: ink on white. Null: everything else was done by the host, or nothing was chosen. */
  choose_export: z.object({ pictures: z.enum(['as_shown', 'light']) }).nullable(),
  set_colour: z.null(),
  stop: z.null(),
  open_run: z.null(),
  show_log: z.null(),
  open_price: z.null(),
};

/** What the host tells unasked. */
export const events = {
  state: compareState,
  grew: growth,
  coloured: z.object({ colour: z.enum(colourModes) }),
  /** Prompts were recorded since: rows may be others. */
  changed: nothing,
};

export type Protocol = ProtocolOf<typeof schemas, typeof results, typeof events>;
