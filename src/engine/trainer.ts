import { PlainError } from '../common/errors.ts';
import { generationBatchSize } from '../recipe/check.ts';
import type { Recipe } from '../recipe/keys.ts';
import type { EventBody } from '../run/model/events.ts';
import { writeCheckpoint, type TrainerState } from './checkpoints.ts';
import { learningRateAt, type TrainStatistics } from './compute/index.ts';
import { roundShare } from './compute/loss.ts';
import type { Control, Controlled } from './control.ts';
import { evaluate } from './evaluation.ts';
import { roundMetrics, trainMetrics } from './metrics.ts';
import type { Model } from './model.ts';
import type { Progress } from './progress.ts';
import type { Recorder } from './recorder.ts';
import type { Scorer } from './rewards/index.ts';
import { generateRound, recordedRows, type Round } from './round.ts';
import type { CompletionRow } from './rows.ts';
import type { Task } from './tasks/index.ts';
import { Random } from './tasks/random.ts';

/** The random stream that mixes a round's rows over its updates. */
const MIXING = 102;

export type EndReason = 'max_steps' | 'max_generated_tokens' | 'stopped';

export interface TrainerParts {
  model: Model;
  task: Task;
  scorer: Scorer;
  recorder: Recorder;
  control: Control;
  progress: Progress;
}

/**
 * GRPO from top to bottom: sample, score, credit, record, train, say what came of it, and listen
 * at the safe point between two rounds. Baseline and token-adaptive training are this one loop;
 * only what `RolloutPlan` asks for differs.
 *
 * A step is an optimizer step, as in TRL. A round of generation feeds `updates` of them (one,
 * unless the recipe says otherwise), and carries the number of its first.
 */
export class Trainer implements Controlled {
  recipe: Recipe;
  readonly #parts: TrainerParts;
  #state: TrainerState;
  /** Step of the newest checkpoint and of the newest evaluation. */
  #saved: number;
  #evaluated = -1;

  /** `saved`: whether this run directory has a checkpoint of this very state. */
  constructor(parts: TrainerParts, recipe: Recipe, state: TrainerState, saved: boolean) {
    this.#parts = parts;
    this.recipe = recipe;
    this.#state = structuredClone(state);
    this.#saved = saved ? state.step : -1;
  }

  /** Trains until the recipe's end or a stop; the model is saved in both cases. */
  async run(): Promise<EndReason> {
    const { control } = this.#parts;
    if (this.#state.step === 0) await this.#evaluate();
    let reason = this.#reasonToEnd();
    while (reason === null) {
      if ((await control.safePoint(this)) === 'stop') reason = 'stopped';
      else {
        const before = this.#state.step;
        await this.#round();
        const steps = [before, this.#state.step] as const;
        reason = this.#reasonToEnd();
        if (isDue(steps, this.recipe.eval_steps)) await this.#evaluate();
        if (isDue(steps, this.recipe.save_steps)) await this.#saveOnTheWay();
      }
    }
    if (reason !== 'stopped') await this.#evaluate();
    if (this.#saved !== this.#state.step) await this.checkpoint();
    return reason;
  }

  async say(event: EventBody): Promise<void> {
    const { recorder } = this.#parts;
    // First the state: who reads of the event finds it so.
    if (event.type === 'run_paused') await recorder.manifest({ state: 'paused' });
    if (event.type === 'run_resumed') await recorder.manifest({ state: 'running' });
    await recorder.say(event);
    if (event.type === 'command' && event.changes !== undefined) {
      for (const [key, change] of Object.entries(event.changes)) {
        this.#state.changes[key] = change.new;
      }
      this.#saved = -1;
      await recorder.manifest({ recipe: this.recipe });
    }
  }

  /** Writes a checkpoint of this step and returns its path within the run directory. */
  async checkpoint(): Promise<string> {
    const { recorder, model } = this.#parts;
    const { directory, size } = recorder.writer;
    const { step } = this.#state;
    const state = { ...this.#state, rollouts_bytes: size.rollouts };
    await writeCheckpoint(directory, state, model, this.recipe.save_total_limit);
    const path = `checkpoints/step-${step}`;
    if (this.#saved !== step) await this.say({ type: 'checkpoint', step, path });
    this.#saved = step;
    return path;
  }

  /** A checkpoint that can't be written now is said; the disk may have room again for the next. */
  async #saveOnTheWay(): Promise<void> {
    try {
      await this.checkpoint();
    } catch (error) {
      if (!(error instanceof PlainError)) throw error;
      const message = `${error.message} ${error.next} Training goes on without it.`;
      await this.say({ type: 'warning', code: 'checkpoint_lost', message });
      this.#parts.progress.line(message);
    }
  }

  #reasonToEnd(): EndReason | null {
    const { max_steps, max_generated_tokens } = this.recipe;
    const { step, tokens } = this.#state;
    if (step >= max_steps) return 'max_steps';
    const budget = max_generated_tokens ?? Infinity;
    return tokens.generated >= budget ? 'max_generated_tokens' : null;
  }

  async #round(): Promise<void> {
    const { model, task, scorer } = this.#parts;
    const { recipe } = this;
    const state = this.#state;
    const began = performance.now();

    const count = generationBatchSize(recipe) / recipe.num_generations;
    const problems = Array.from({ length: count }, (_, i) =>
      task.train(recipe.seed, state.problems + i),
    );
    const step = state.step + 1;
    const round = await generateRound({ model, recipe, task, scorer, problems, step });
    const rows = round.groups.flatMap((group) => group.rows);
    if (recipe.beta > 0) await addReference(rows, model, recipe.temperature);

    const metrics = roundMetrics(round, state.segments);
    state.problems += count;
    state.tokens.generated += round.costs.generated;
    state.tokens.reused += round.costs.reused;
    const recordSeconds = await this.#record(round);

    let timed = began;
    const round_weight = roundShare(weightOf(rows), rowsAStep(recipe), generationBatchSize(recipe));
    for (const update of this.#updates(rows, step)) {
      timed += await this.#parts.control.breathe();
      const learning_rate = learningRateAt(state.step, recipe);
      const trainBegan = performance.now();
      // Where nothing could be scored there is nothing to learn from.
      const statistics =
        update.length === 0 ? null : await this.#train(update, round_weight, learning_rate);
      const now = performance.now();
      state.step += 1;
      state.tokens.trained += statistics?.trained_tokens ?? 0;
      const first = state.step === step;
      await this.#finishStep({
        ...(first ? { ...metrics, 'time/record': recordSeconds } : {}),
        ...(statistics === null ? {} : trainMetrics(statistics)),
        learning_rate,
        'time/train': (now - trainBegan) / 1000,
        'time/step': (now - timed) / 1000,
      });
      timed = now;
    }
  }

  /**
   * The rows of each optimizer step, `num_iterations` times over. A round that `max_steps` cuts
   * short stays cut: a run that is resumed with more steps begins with a new round, as in TRL.
   */
  #updates(rows: readonly CompletionRow[], step: number): CompletionRow[][] {
    const { recipe } = this;
    const parts = generationBatchSize(recipe) / rowsAStep(recipe);
    // With several updates a round, prompts are mixed over them, as TRL does.
    const mixed = parts === 1 ? rows : new Random(MIXING, recipe.seed, step).shuffled(rows);
    const bounds = Array.from({ length: parts + 1 }, (_, i) =>
      Math.round((i * mixed.length) / parts),
    );
    const once = bounds.slice(1).map((to, i) => mixed.slice(bounds[i], to));
    const left = recipe.max_steps - this.#state.step;
    return Array.from({ length: recipe.num_iterations }, () => once)
      .flat()
      .slice(0, left);
  }

  #train(
    rows: readonly CompletionRow[],
    round_weight: number,
    learning_rate: number,
  ): Promise<TrainStatistics> {
    const { recipe } = this;
    const single = recipe.num_iterations === 1 && generationBatchSize(recipe) <= rowsAStep(recipe);
    return this.#parts.model.pool.trainStep(
      rows,
      {
        ...recipe,
        round_weight,
        epsilon_high: recipe.epsilon_high ?? recipe.epsilon,
        // After the first update of a round the policy is no longer the one that sampled it.
        use_old_logprob: !single,
      },
      { ...recipe, learning_rate },
    );
  }

  /** Writes the round's rollouts; returns the seconds it took. */
  async #record(round: Round): Promise<number> {
    const { recorder, model } = this.#parts;
    const began = performance.now();
    // After a crash, the ids of the steps that are repeated are taken.
    const firstId = Math.max(this.#state.segments, recorder.writer.nextSegmentId);
    const groups = this.recipe.capture_groups_per_step;
    await recorder.rollouts(round.step, recordedRows(round, model.tokenizer, firstId, groups));
    for (const { segments } of round.groups) this.#state.segments += segments.length;
    return (performance.now() - began) / 1000;
  }

  async #finishStep(metrics: Record<string, number>): Promise<void> {
    const { step, tokens } = this.#state;
    const all = {
      ...metrics,
      'tokens/generated': tokens.generated,
      'tokens/reused': tokens.reused,
      'tokens/trained': tokens.trained,
      'tokens/evaluated': tokens.evaluated,
    };
    await this.say({ type: 'step', step, metrics: all });
    this.#parts.progress.step(step, this.recipe.max_steps, all);
  }

  /** Tries the held-out prompts, unless that was just done; a stop doesn't wait for it. */
  async #evaluate(): Promise<void> {
    const { step, tokens } = this.#state;
    if (this.#evaluated === step) return;
    this.#evaluated = step;
    const { model, task, control, progress } = this.#parts;
    const result = await evaluate(model, task, this.recipe, async () => {
      await control.breathe();
      return control.stopWanted;
    });
    if (result === null) return;
    tokens.evaluated += result.tokens;
    const metrics = { ...result.metrics, 'tokens/generated': tokens.generated };
    await this.say({ type: 'evaluation', step, metrics });
    const figures = Object.entries(result.metrics).map(
      ([name, value]) => `${name} ${value.toFixed(3)}`,
    );
    progress.line(`held out after step ${step}:  ${figures.join('  ')}`);
  }
}

function rowsAStep(recipe: Recipe): number {
  return recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps;
}

function weightOf(rows: readonly CompletionRow[]): number {
  const values = rows.flatMap(({ weight }) => Array.from(weight));
  return values.reduce((sum, weight) => sum + weight, 0);
}

/** Whether a multiple of `every` lies in `(before, after]`: a round may make several steps. */
function isDue([before, after]: readonly [number, number], every: number | null): boolean {
  return every !== null && Math.floor(after / every) > Math.floor(before / every);
}

async function addReference(
  rows: readonly CompletionRow[],
  { pool }: Model,
  temperature: number,
): Promise<void> {
  const values = await pool.logprobs(rows, temperature, 'reference');
  rows.forEach((row, i) => (row.ref_logprob = values[i]?.logprob ?? null));
}
