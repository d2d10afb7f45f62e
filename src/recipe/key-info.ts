import { t } from '@vscode/l10n';
import { z } from 'zod';

/** What is known of a key besides its type: hovers, forms and pages are made from it. */
export interface KeyInfo {
  group: KeyGroup;
  /** Who named the key. */
  source: KeySource;
  /** What the value counts, where it counts something. */
  unit?: string;
  /** One sentence. */
  description: string;
}

export const keySources = ['ours', 'TRL', 'transformers', 'open-r1'] as const;
export type KeySource = (typeof keySources)[number];

export const keyGroups = [
  'What to train',
  'Rewards',
  'Token-adaptive strategy',
  'Batches and sampling',
  'Objective',
  'Optimizer',
  'How long',
  'Logging, evaluation, checkpoints',
  'Precision and memory',
  'vLLM and fast generation',
  'LoRA and quantization',
  'Data',
  'Hugging Face Hub',
  'More than one device',
  'Rewards that run code',
] as const;
export type KeyGroup = (typeof keyGroups)[number];

/** What people read above a group of keys. */
export const groupTitles: Record<KeyGroup, string> = {
  'What to train': t('What to train'),
  Rewards: t('Rewards'),
  'Token-adaptive strategy': t('Token-adaptive strategy'),
  'Batches and sampling': t('Batches and sampling'),
  Objective: t('Objective'),
  Optimizer: t('Optimizer'),
  'How long': t('How long'),
  'Logging, evaluation, checkpoints': t('Logging, evaluation, checkpoints'),
  'Precision and memory': t('Precision and memory'),
  'vLLM and fast generation': t('vLLM and fast generation'),
  'LoRA and quantization': t('LoRA and quantization'),
  Data: t('Data'),
  'Hugging Face Hub': t('Hugging Face Hub'),
  'More than one device': t('More than one device'),
  'Rewards that run code': t('Rewards that run code'),
};

export const keyInfo = z.registry<KeyInfo>();

export const groupOf =
  (group: KeyGroup) =>
  <T extends z.ZodType>(source: KeySource, type: T, description: string, unit?: string) => {
    keyInfo.add(type, { group, source, description, ...(unit === undefined ? {} : { unit }) });
    return type;
  };

export const text = () => z.string().min(1);
export const count = (least: number) => z.number().int().min(least);
export const positive = () => z.number().positive();
export const atLeast = (least: number) => z.number().min(least);
export const fraction = () => z.number().min(0).max(1);
export const flag = (initial: boolean) => z.boolean().default(initial);
export const texts = () => z.array(text());
export const mapping = () => z.record(z.string(), z.unknown());
/** Python's `None` by default. */
export const optional = <T extends z.ZodType>(type: T) => type.nullable().default(null);
