import { t } from '@vscode/l10n';
import { z } from 'zod';
import { count, fraction, groupOf, text } from '../key-info.ts';

const logging = groupOf('Logging, evaluation, checkpoints');

/** What a run says of itself, and keeps. */
export const recordingShape = {
  logging_steps: logging(
    'TRL',
    count(1).default(1),
    t('How often a headless run prints a line (every step is recorded in any case).'),
    'steps',
  ),
  save_steps: logging(
    'TRL',
    count(1).default(50),
    t('How often a checkpoint is written.'),
    'steps',
  ),
  save_total_limit: logging(
    'TRL',
    count(1).nullable().default(null),
    t('How many checkpoints are kept; empty keeps all.'),
    'checkpoints',
  ),
  eval_steps: logging(
    'TRL',
    count(1).nullable().default(null),
    t('How often the held-out prompts are tried; empty means at the start and at the end only.'),
    'steps',
  ),
  eval_num_prompts: logging(
    'ours',
    count(0).default(64),
    t('How many held-out prompts are tried; 0 turns evaluation off.'),
    'prompts',
  ),
  eval_num_generations: logging(
    'ours',
    count(1).max(64).default(4),
    t('Sampled completions for each held-out prompt: the k of pass@k.'),
    'completions',
  ),
  output_dir: logging(
    'TRL',
    text().nullable().default(null),
    t('The run directory; empty means a new folder below `runs`.'),
  ),
  run_name: logging(
    'TRL',
    text().nullable().default(null),
    t('The name shown for the run; empty means that of the recipe file.'),
  ),
  report_to: logging(
    'TRL',
    z.union([text(), z.array(text())]).default('none'),
    t('Services that get the metrics as well (TRL engine only).'),
  ),
  resume_from_checkpoint: logging(
    'TRL',
    z.union([z.boolean(), text()]).nullable().default(null),
    t('Go on from a checkpoint folder, or with `true` from the last one in `output_dir`.'),
  ),
  capture_top_k: logging(
    'ours',
    count(0).max(50).default(5),
    t('Alternatives recorded for each unsure token.'),
    'tokens',
  ),
  capture_below: logging(
    'ours',
    fraction().default(0.99),
    t('A token counts as unsure for `capture_top_k` when its max prob is below this.'),
    'probability',
  ),
  capture_groups_per_step: logging(
    'ours',
    count(1).nullable().default(null),
    t('Prompts whose rollouts are recorded in each step; empty records all.'),
    'prompts',
  ),
} as const;
