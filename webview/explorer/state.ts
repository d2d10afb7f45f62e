import * as z from 'zod';
import { colourModes } from '../../src/views/model/shapes.ts';
import { allPrompts, promptQuery, type PromptQuery } from '../../src/views/explorer/protocol.ts';

/**
 * What one looks at, kept by VS Code while the panel is hidden and over restarts. Whatever of it
 * can't be read any more falls back to its default by itself.
 */
const viewState = z.object({
  /** Run directory: the panel's serializer finds the run by it. */
  directory: z.string().catch(''),
  query: promptQuery.catch(() => ({ ...allPrompts })),
  selected: z.object({ step: z.number().int(), prompt_id: z.string() }).nullable().catch(null),
  /** Segment whose path is shown, and the stop that has the cursor: `p`, or `p − ½` for a mark. */
  segment_id: z.number().int().nullable().catch(null),
  position: z.number().nullable().catch(null),
  folded_segments: z.array(z.number().int()).catch([]),
  colour: z.enum(colourModes).catch('entropy'),
  whitespace: z.boolean().catch(false),
  follow: z.boolean().catch(true),
  /** Steps the run had recorded when the view was last put on hold. */
  steps_seen: z.number().catch(0),
  panes: z
    .object({ prompts: z.boolean(), rollouts: z.boolean(), path: z.boolean() })
    .catch({ prompts: true, rollouts: true, path: true }),
  /** Whether the recipe is shown; which of its keys; and what is collected for the next run. */
  recipe: z.boolean().catch(false),
  recipe_find: z.string().catch(''),
  recipe_all: z.boolean().catch(false),
  recipe_changes: z.record(z.string(), z.string()).catch({}),
  /** Shares of the width, in percent. */
  widths: z
    .object({ prompts: z.number().min(5).max(80), path: z.number().min(5).max(80) })
    .catch({ prompts: 25, path: 36 }),
  scroll: z
    .object({ prompts: z.number(), rollouts: z.number(), path: z.number() })
    .catch({ prompts: 0, rollouts: 0, path: 0 }),
});
export type ViewState = z.infer<typeof viewState>;
export type PaneName = keyof ViewState['panes'];

export function readState(stored: unknown): ViewState {
  const parsed = viewState.safeParse(stored);
  return parsed.success ? parsed.data : viewState.parse({});
}

export const isFiltered = (query: PromptQuery): boolean =>
  query.text.trim() !== '' || query.outcome !== 'any';
