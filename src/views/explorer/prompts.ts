import type { PromptGroup } from '../../run/store.ts';
import { finderOf, titleOf } from '../model/prompt.ts';
import type { PromptKey } from '../model/shapes.ts';
import type { PromptQuery, PromptRow, PromptSort } from './protocol.ts';

/** A list of prompts, ready to be asked for windows. */
export interface PromptList {
  rows: PromptRow[];
  prompts: number;
}

const sortValues: Record<PromptSort, (group: PromptGroup) => number> = {
  recorded: () => 0,
  reward: (group) => group.reward_mean ?? NaN,
  reward_std: (group) => group.reward_std ?? NaN,
  truncated: (group) => group.truncated,
  resamples: (group) => group.resamples,
};

function hasOutcome(group: PromptGroup, outcome: PromptQuery['outcome']): boolean {
  if (outcome === 'any') return true;
  if (outcome === 'mixed') return isMixed(group);
  const { correct, completions } = group;
  if (completions === 0) return false;
  if (outcome === 'right') return correct === completions;
  return correct === 0;
}

/** Some right, some wrong; where nothing judges that, rewards that differ. */
function isMixed({ correct, completions, reward_std }: PromptGroup): boolean {
  if (correct === null) return (reward_std ?? 0) > 0;
  return correct > 0 && correct < completions;
}

/** Stable; groups without the value come last either way. */
function sorted(groups: PromptGroup[], query: PromptQuery): PromptGroup[] {
  if (query.sort === 'recorded') return groups;
  const valueOf = sortValues[query.sort];
  const sign = query.descending ? -1 : 1;
  return groups
    .map((group) => ({ group, value: valueOf(group) }))
    .sort((a, b) => {
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) {
        return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
      }
      return sign * (a.value - b.value);
    })
    .map(({ group }) => group);
}

function matching(groups: readonly PromptGroup[], query: PromptQuery): PromptGroup[] {
  const isFound = finderOf(query.text);
  return groups.filter((group) => {
    if (query.until_step !== null && group.step > query.until_step) return false;
    return hasOutcome(group, query.outcome) && isFound(group);
  });
}

/** The filtered, sorted, folded list. `groups` come in the order of recording. */
export function promptList(
  groups: readonly PromptGroup[],
  query: PromptQuery,
  start: string,
): PromptList {
  const matches = matching(groups, query);
  const row = (group: PromptGroup, position: number, size: number): PromptRow => ({
    kind: 'prompt',
    step: group.step,
    prompt_id: group.prompt_id,
    title: titleOf(group, start),
    correct: group.correct,
    completions: group.completions,
    reward_mean: group.reward_mean,
    reward_std: group.reward_std,
    truncated: group.truncated,
    resamples: group.resamples,
    position,
    size,
  });
  if (!query.by_step) {
    // The newest first where nothing else orders them.
    const order = query.sort === 'recorded' ? matches.toReversed() : sorted(matches, query);
    return {
      rows: order.map((group, i) => row(group, i + 1, order.length)),
      prompts: order.length,
    };
  }
  const bySteps = Map.groupBy(matches, (group) => group.step);
  const steps = [...bySteps.keys()].sort((a, b) => b - a);
  const folded = new Set(query.folded);
  const rows = steps.flatMap((step, i): PromptRow[] => {
    const members = sorted(bySteps.get(step) ?? [], query);
    const header: PromptRow = {
      kind: 'step',
      step,
      prompts: members.length,
      reward: mean(members.map((group) => group.reward_mean)),
      folded: folded.has(step),
      position: i + 1,
      size: steps.length,
    };
    if (header.folded) return [header];
    return [header, ...members.map((group, j) => row(group, j + 1, members.length))];
  });
  return { rows, prompts: matches.length };
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/**
 * The prompt of the newest step most worth a look: answers that differ, then the most resamples,
 * then the widest rewards.
 */
export function interesting(groups: readonly PromptGroup[]): PromptKey | null {
  const newest = groups.reduce((step, group) => Math.max(step, group.step), -1);
  let best: PromptGroup | null = null;
  for (const group of groups) {
    if (group.step === newest && (best === null || worth(group) > worth(best))) best = group;
  }
  return best === null ? null : { step: best.step, prompt_id: best.prompt_id };
}

function worth(group: PromptGroup): number {
  return (isMixed(group) ? 1000 : 0) + group.resamples + (group.reward_std ?? 0) / 10;
}
