import type { Recipe } from '../recipe/keys.ts';
import { strategyOfRecipe } from '../recipe/strategy.ts';
import type { SegmentRow, SegmentTokens } from '../run/model/segment.ts';
import {
  RolloutPlan,
  batchDeviation,
  creditGroup,
  type MeasuredSegment,
  type SegmentCredit,
} from '../strategy/index.ts';
import type { GeneratedSegment, GenerationCosts, Tokenizer } from './compute/index.ts';
import type { Model } from './model.ts';
import type { Score, Scorer } from './rewards/index.ts';
import { completionRows, type CompletionRow } from './rows.ts';
import { Random } from './tasks/random.ts';
import type { Problem, Task } from './tasks/index.ts';

/** The random stream that places forks (`fork_policy: random`). */
const FORKS = 101;

/** One prompt of a round with everything that was sampled for it. */
export interface PromptGroup {
  problem: Problem;
  segments: readonly ScoredSegment[];
  /** In the order of `segments`. */
  credits: readonly SegmentCredit[];
  rows: readonly CompletionRow[];
}

/** A generated segment and what the completion that ends here is worth. */
export interface ScoredSegment extends GeneratedSegment {
  /** Null where no completion ends here, unless `prefix_credit: stub` scores the cut one too. */
  score: Score | null;
  right: boolean | null;
}

/** A generation round: sampled, scored and credited, not yet trained on. */
export interface Round {
  step: number;
  groups: readonly PromptGroup[];
  costs: GenerationCosts;
  /** Milliseconds. */
  time: { generate: number; score: number };
}

/** What a round is made with. */
export interface RoundInputs {
  model: Model;
  recipe: Recipe;
  task: Task;
  scorer: Scorer;
  problems: readonly Problem[];
  step: number;
  signal?: AbortSignal;
}

/** Samples completions for every problem, scores them and works out what each token is worth. */
export async function generateRound(inputs: RoundInputs): Promise<Round> {
  const { model, recipe, task, scorer, problems, step, signal } = inputs;
  const { pool, tokenizer } = model;
  const strategy = strategyOfRecipe(recipe);
  const random = new Random(FORKS, recipe.seed, step);
  const prompts = problems.map(({ prompt }) => tokenizer.encode(prompt));
  const scores = new Map<number, Pick<ScoredSegment, 'score' | 'right'>>();
  let scoring = 0;
  const began = performance.now();

  const { segments, costs } = await pool.generate({
    prompts,
    plan: new RolloutPlan(strategy, problems.length, () => random.next()),
    thresholds: strategy,
    max_completion_length: recipe.max_completion_length,
    temperature: recipe.temperature,
    seed: recipe.seed,
    step,
    capture: { top_k: recipe.capture_top_k, below: recipe.capture_below },
    ...(signal === undefined ? {} : { signal }),
    onSegment: (segment, completion) => {
      const problem = problems[segment.tree];
      // A cut segment has no answer; only `prefix_credit: stub` scores it as it stands.
      const cut = segment.status === 'truncated';
      if (problem === undefined || (cut && strategy.prefix_credit !== 'stub')) return null;
      const scoreBegan = performance.now();
      const text = tokenizer.decode(completion);
      const score = scorer(problem, text);
      scores.set(segment.segment, { score, right: cut ? null : task.verify(problem, text) });
      scoring += performance.now() - scoreBegan;
      return score.reward;
    },
  });
  const generate = performance.now() - began - scoring;

  const creditBegan = performance.now();
  const byTree = Map.groupBy(segments, (segment) => segment.tree);
  const scored = problems.map((_, tree) =>
    (byTree.get(tree) ?? []).map((segment): ScoredSegment => ({
      ...segment,
      ...(scores.get(segment.segment) ?? { score: null, right: null }),
    })),
  );
  const trees = scored.map((group) => group.map(treeSegment));
  const scale = recipe.scale_rewards === 'batch' ? batchDeviation(trees) : recipe.scale_rewards;
  const groups = problems.map((problem, tree): PromptGroup => {
    const group = scored[tree] ?? [];
    const credits = creditGroup(trees[tree] ?? [], strategy, scale);
    const answered = group.filter(
      ({ status, score }) => status !== 'truncated' && typeof score?.reward === 'number',
    );
    const leaves = new Set(answered.map(({ segment }) => segment));
    const prompt = prompts[tree] ?? new Int32Array();
    const rows = completionRows(prompt, group, credits, leaves, recipe.temperature);
    return { problem, segments: group, credits, rows };
  });
  const score = scoring + performance.now() - creditBegan;
  return { step, groups, costs, time: { generate, score } };
}

function treeSegment(segment: ScoredSegment) {
  const { parent, fork_at, token_ids, status } = segment;
  const reward = segment.score?.reward ?? null;
  return { segment: segment.segment, parent, fork_at, length: token_ids.length, status, reward };
}

/** The round's segments as the strategy's metrics see them, by prompt. */
export function measuredSegments(round: Round): MeasuredSegment[][] {
  return round.groups.map(({ segments, credits }) =>
    segments.map((segment, i) => ({
      ...treeSegment(segment),
      attempt: segment.attempt,
      failure_point: segment.failure_point,
      right: segment.right,
      value: credits[i]?.value ?? null,
    })),
  );
}

/**
 * The round's segments as rows of `rollouts.arrows`.
 *
 * @param firstId what the round's segment 0 is called in the run
 * @param groups how many prompts are recorded at most; null: all
 */
export function recordedRows(
  round: Round,
  tokenizer: Tokenizer,
  firstId: number,
  groups: number | null,
): SegmentRow[] {
  return round.groups
    .slice(0, groups ?? undefined)
    .flatMap(({ problem, segments, credits, rows }) => {
      const references = referencesOf(rows);
      return segments.map((segment, i): SegmentRow => {
        const credit = credits[i];
        return {
          step: round.step,
          prompt_id: problem.id,
          prompt: segment.parent === null ? problem.prompt : null,
          segment_id: firstId + segment.segment,
          parent_id: segment.parent === null ? null : firstId + segment.parent,
          fork_at: segment.fork_at,
          attempt: segment.attempt,
          kind: segment.parent === null ? 'root' : 'resample',
          status: segment.status,
          trigger: segment.trigger,
          failure_point: segment.failure_point,
          failure_max_prob: segment.failure_max_prob,
          failure_entropy: segment.failure_entropy,
          failure_top: segment.failure_top,
          temperature: segment.temperature,
          length: segment.token_ids.length,
          rewards: segment.score?.rewards ?? null,
          reward: segment.score?.reward ?? null,
          value: credit?.value ?? null,
          trained: credit?.trained ?? false,
          tokens: tokensOf(segment, credit, references.get(segment.segment) ?? null, tokenizer),
        };
      });
    });
}

function tokensOf(
  segment: ScoredSegment,
  credit: SegmentCredit | undefined,
  ref_logprob: Float32Array | null,
  tokenizer: Tokenizer,
): SegmentTokens {
  const { token_ids, logprob, train_logprob, entropy, max_prob, top } = segment;
  return {
    ...tokenizer.decodeWithEnds(token_ids),
    token_ids,
    logprob,
    entropy,
    max_prob,
    top,
    advantage: Float32Array.from(credit?.advantage ?? new Float64Array(token_ids.length)),
    ref_logprob,
    // Where nothing was hotter than the recipe says, it is `logprob` once more.
    train_logprob: segment.attempt === 0 ? null : train_logprob,
  };
}

/** The reference policy's log probabilities, which are known by row, by segment. */
function referencesOf(rows: readonly CompletionRow[]): Map<number, Float32Array> {
  const found = new Map<number, Float32Array>();
  for (const { ref_logprob, parts } of rows) {
    if (ref_logprob === null) continue;
    for (const { segment, from, to } of parts) {
      const own = Float32Array.from({ length: to - from }, (_, i) => ref_logprob[from + i] ?? 0);
      if (own.length > (found.get(segment)?.length ?? -1)) found.set(segment, own);
    }
  }
  return found;
}
