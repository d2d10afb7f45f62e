import type { z } from 'zod';
import { keyInfo, type KeyInfo } from './key-info.ts';
import { recipeShape } from './keys.ts';
import { trlShape } from './trl/index.ts';

/** Who runs a recipe. What a key takes, and its default, depend on it. */
export const engines = ['built-in', 'trl'] as const;
export type Engine = (typeof engines)[number];

const shapes: Record<Engine, Readonly<Record<string, z.ZodType>>> = {
  'built-in': recipeShape,
  trl: trlShape,
};

export const keyNamesOf = (engine: Engine): readonly string[] => Object.keys(shapes[engine]);

/** What a key takes; null when the engine does not know the key. */
export function typeOf(engine: Engine, key: string): z.ZodType | null {
  return Object.hasOwn(shapes[engine], key) ? (shapes[engine][key] ?? null) : null;
}

export function infoOf(engine: Engine, key: string): KeyInfo | null {
  const type = typeOf(engine, key);
  return type === null ? null : (keyInfo.get(type) ?? null);
}

/** `owner/name`, as models and data sets on the Hugging Face Hub are called. */
export const hubName = /^[\w][\w.-]*\/[\w][\w.-]*$/;

/** Words in a recipe that only mean something to TRL's stack. */
const onlyTrl = (key: string): boolean => typeOf('built-in', key) === null;

/**
 * Who runs a recipe that may not say so. A recipe without `engine` is for the built-in engine,
 * unless it names a model of the Hub and has at least one key of TRL's stack, or a data set of the
 * Hub: those are open-r1's and TRL's own recipes, which know nothing of `engine`.
 */
export function engineOf(settings: readonly { key: string; value: unknown }[]): Engine {
  const values = new Map(settings.map(({ key, value }) => [key, value]));
  const stated = values.get('engine');
  if (stated === 'trl' || stated === 'built-in') return stated;
  const isHub = (key: string) => {
    const value = values.get(key);
    return typeof value === 'string' && hubName.test(value) && !value.endsWith('.jsonl');
  };
  const known = (key: string) => typeOf('trl', key) !== null;
  const trls = [...values.keys()].some((key) => known(key) && onlyTrl(key));
  return isHub('model_name_or_path') && (trls || isHub('dataset_name')) ? 'trl' : 'built-in';
}
