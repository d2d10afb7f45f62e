import { parseDocument } from 'yaml';
import { describeFor, type KeyDescription } from '../../recipe/describe.ts';
import { valueText } from '../../recipe/edit.ts';
import { engineOf, keyNamesOf, typeOf, type Engine } from '../../recipe/engines.ts';
import type { Finding } from '../../recipe/findings.ts';
import { groupTitles, keyGroups, type KeyGroup } from '../../recipe/key-info.ts';
import { parseRecipe, readSettings } from '../../recipe/parse.ts';
import { decisions, type RecordedSegment } from '../../strategy/index.ts';
import type { Control, Field, FormState, Shares } from './protocol.ts';

/** The form of a recipe: its fields with what is written for them. Pure; the file is the truth. */

/** Ranges worth sliding over; what the schema allows may go on for ever. */
const sliders: Readonly<Record<string, readonly [min: number, max: number, step: number]>> = {
  uncertainty_threshold: [0, 1, 0.01],
  entropy_threshold: [0, 5, 0.05],
  min_prefix_length: [0, 200, 1],
  max_resamples_per_prefix: [0, 8, 1],
  adaptive_temperature_scale: [0.5, 2, 0.05],
  importance_clip: [1, 5, 0.1],
  fork_spacing: [1, 128, 1],
  num_generations: [2, 32, 1],
  temperature: [0.1, 2, 0.05],
  epsilon: [0, 0.5, 0.01],
  beta: [0, 0.2, 0.005],
  num_iterations: [1, 8, 1],
  capture_top_k: [0, 20, 1],
  capture_below: [0, 1, 0.01],
  top_p: [0.05, 1, 0.05],
  top_entropy_quantile: [0, 1, 0.05],
  vllm_gpu_memory_utilization: [0.1, 0.95, 0.05],
};

const strategy: KeyGroup = 'Token-adaptive strategy';

/** What stands behind the sliders of the thresholds. */
export type Histograms = Readonly<Record<string, Shares>>;

const BINS = 40;
/** Nats; a slider's worth of entropy. */
const MOST_ENTROPY = 5;

/** How sure the policy was of the tokens of a run. */
export function histogramsOf(prompts: readonly (readonly RecordedSegment[])[]): Histograms {
  const max_prob = new Array<number>(BINS).fill(0);
  const entropy = new Array<number>(BINS).fill(0);
  const count = (bins: number[], share: number) => {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(share * BINS)));
    bins[bin] = (bins[bin] ?? 0) + 1;
  };
  for (const decision of prompts.flatMap((segments) => [...decisions(segments)])) {
    count(max_prob, decision.max_prob);
    count(entropy, decision.entropy / MOST_ENTROPY);
  }
  return {
    uncertainty_threshold: { most: 1, counts: max_prob, triggers: 'below' },
    entropy_threshold: { most: MOST_ENTROPY, counts: entropy, triggers: 'above' },
  };
}

export interface FormContext {
  name: string;
  histograms: Histograms | null;
  answer: string | null;
  run: string | null;
}

export function formOf(source: string, context: FormContext): FormState {
  const { name, histograms, answer, run } = context;
  const { settings, findings: unreadable } = readSettings(source);
  const broken = unreadable.find(({ code }) => code !== 'empty');
  if (broken !== undefined) return { kind: 'broken', name, message: sentence(broken) };
  const engine = engineOf(settings);
  const written = new Map(settings.map(({ key, value }) => [key, value]));
  const { findings } = parseRecipe(source);
  const problems = new Map(findings.map((finding) => [finding.key, finding]));
  const fields = keyNamesOf(engine).flatMap((key) => {
    const problem = problems.get(key);
    const field = fieldFor(engine, key, {
      value: written.get(key),
      written: written.has(key),
      problem: problem === undefined ? null : sentence(problem),
      shares: histograms?.[key] ?? null,
    });
    return field ?? [];
  });
  const groups = grouped(fields);
  const elsewhere = findings.filter(({ key }) => key === null || typeOf(engine, key) === null);
  const rest = elsewhere.filter(({ code }) => code !== 'empty').map(sentence);
  return { kind: 'form', name, engine, groups, problems: rest, answer, run };
}

/** Fields by group; the strategy first, which is why the form is there. */
export function grouped<F extends Field>(
  fields: readonly { group: KeyGroup; field: F }[],
): { name: string; fields: F[] }[] {
  const ordered = keyGroups.toSorted((a, b) => Number(b === strategy) - Number(a === strategy));
  return ordered.flatMap((name) => {
    const own = fields.filter(({ group }) => group === name).map(({ field }) => field);
    return own.length === 0 ? [] : [{ name: groupTitles[name], fields: own }];
  });
}

/** The field of a key; null where the engine does not know it. */
export function fieldFor(
  engine: Engine,
  key: string,
  now: { value: unknown; written: boolean; problem: string | null; shares: Shares | null },
): { group: KeyGroup; field: Field } | null {
  const described = describeFor(engine, key);
  if (described === null) return null;
  const { description, expects, unit, source, group } = described;
  const initial = described.default === null ? '' : valueText(described.default);
  const text = now.value === null || now.value === undefined ? '' : valueText(now.value);
  const field: Field = {
    key,
    description,
    expects,
    unit: unit ?? null,
    source,
    control: controlOf(engine, described, now.written ? now.value : described.default),
    text: now.written ? text : initial,
    written: now.written,
    default: initial,
    problem: now.problem,
    shares: now.shares,
  };
  return { group, field };
}

/** A control that can show what is written; anything odd is a text. */
function controlOf(engine: Engine, { name, choices }: KeyDescription, value: unknown): Control {
  const type = typeOf(engine, name);
  const fits = (other: unknown) => type?.safeParse(other).success === true;
  if (typeof value === 'boolean' && fits(true) && fits(false)) return { kind: 'switch' };
  const range = sliders[name];
  if (range !== undefined && typeof value === 'number') {
    const [min, max, step] = range;
    if (value >= min && value <= max) return { kind: 'slider', min, max, step };
  }
  const isOne = typeof value === 'string' && choices.includes(value);
  return isOne && !fits([value])
    ? { kind: 'choice', options: choices.map(valueText) }
    : { kind: 'text' };
}

/** The keys that have a slider, with the values at its ends. */
export const sliderEnds: readonly (readonly [key: string, min: number, max: number])[] =
  Object.entries(sliders).map(([key, [min, max]]) => [key, min, max]);

/** A value from YAML of one line; undefined when it is none, or more than a value. */
export function valueOf(text: string): unknown {
  if (text.trim() === '') return null;
  if (/[\r\n]/.test(text)) return undefined;
  const document = parseDocument(text);
  if (document.errors.length > 0) return undefined;
  try {
    return withoutSign(document.toJS());
  } catch {
    // A reference to nothing, or to far too much.
    return undefined;
  }
}

/** Zero has one sign in a recipe: the writer of YAML would drop the other. */
function withoutSign(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSign);
  return Object.is(value, -0) ? 0 : value;
}

function sentence({ message, suggestion }: Finding): string {
  return suggestion === null ? message : `${message} ${suggestion}`;
}
