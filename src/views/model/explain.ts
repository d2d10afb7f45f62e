import { t } from '@vscode/l10n';
import { z } from 'zod';
import type { SegmentKind, SegmentTrigger } from '../../run/model/segment.ts';
import type { RecipeValues } from '../../run/model/manifest.ts';
import { forkPolicies, strategyDefaults, triggerAt } from '../../strategy/index.ts';

/** The part of the strategy that says why a token was cut or not. */
const watching = z.object({
  use_token_adaptive: z.boolean().catch(strategyDefaults.use_token_adaptive),
  uncertainty_threshold: z.number().catch(strategyDefaults.uncertainty_threshold),
  entropy_threshold: z.number().catch(strategyDefaults.entropy_threshold),
  min_prefix_length: z.number().catch(strategyDefaults.min_prefix_length),
  max_resamples_per_prefix: z.number().catch(strategyDefaults.max_resamples_per_prefix),
  fork_policy: z.enum(forkPolicies).catch(strategyDefaults.fork_policy),
});
export type Watching = z.infer<typeof watching>;

/** What a recipe leaves out, or another trainer writes differently, has its default. */
export function watchingOf(recipe: RecipeValues): Watching {
  return watching.parse(recipe);
}

/** A recipe's number as it was written, or as close as two digits come. */
const plain = (value: number): string => String(Number(value.toFixed(4)));
/** A measured value: enough digits that it doesn't read as equal to the threshold. */
function measured(value: number, threshold: number): string {
  const text = value.toFixed(2);
  return Number(text) === threshold && value !== threshold ? value.toFixed(4) : text;
}

function condition(
  trigger: SegmentTrigger,
  max_prob: number,
  entropy: number,
  rules: Watching,
): string {
  const { uncertainty_threshold, entropy_threshold } = rules;
  return trigger === 'max_prob'
    ? t(
        'max prob {0} < {1}',
        measured(max_prob, uncertainty_threshold),
        plain(uncertainty_threshold),
      )
    : t('entropy {0} > {1} nats', measured(entropy, entropy_threshold), plain(entropy_threshold));
}

/** Why a path was cut before this position. */
export function explainFailure(
  failure: {
    trigger: SegmentTrigger | null;
    max_prob: number | null;
    entropy: number | null;
  },
  rules: Watching,
): string {
  const { trigger, max_prob, entropy } = failure;
  if (trigger === null) return t('Cut here; the run does not say why.');
  const why = condition(trigger, max_prob ?? NaN, entropy ?? NaN, rules);
  return t('Cut here: {0}. The token was never sampled.', why);
}

export interface SampledToken {
  /** In the completion, from 0. */
  position: number;
  max_prob: number;
  entropy: number;
  kind: SegmentKind;
  /** Whether it is the first own token of its segment. */
  first: boolean;
}

/** Why a sampled token did not cut its path. */
export function explainToken(token: SampledToken, rules: Watching): string {
  const { position, max_prob, entropy } = token;
  if (Number.isNaN(max_prob) && Number.isNaN(entropy)) {
    return t('How sure the policy was of this token is not known.');
  }
  const trigger = triggerAt(max_prob, entropy, rules);
  if (trigger === null) {
    const { uncertainty_threshold, entropy_threshold } = rules;
    return t(
      'Didn’t trigger: max prob {0} ≥ {1} and entropy {2} ≤ {3} nats.',
      measured(max_prob, uncertainty_threshold),
      plain(uncertainty_threshold),
      measured(entropy, entropy_threshold),
      plain(entropy_threshold),
    );
  }
  const why = condition(trigger, max_prob, entropy, rules);
  if (!rules.use_token_adaptive) {
    return position < rules.min_prefix_length
      ? t('Unsure ({0}), and this run is a baseline: nothing is cut.', why)
      : t('Would trigger ({0}), but this run is a baseline: nothing is cut.', why);
  }
  if (token.kind === 'probe') return t('Unsure ({0}), but a probe is never cut.', why);
  if (rules.fork_policy !== 'first_failure') {
    return t(
      'Unsure ({0}); with fork_policy {1} completions are finished first and forked afterwards.',
      why,
      rules.fork_policy,
    );
  }
  if (rules.max_resamples_per_prefix <= 0) {
    return t('Unsure ({0}), but max_resamples_per_prefix is 0: nothing is cut.', why);
  }
  if (position < rules.min_prefix_length) {
    return t(
      'Didn’t trigger, although {0}: position {1} < min_prefix_length {2}.',
      why,
      position,
      plain(rules.min_prefix_length),
    );
  }
  if (token.first && token.kind === 'resample') {
    return t('Didn’t trigger, although {0}: it is the unsure decision itself, drawn again.', why);
  }
  return t('Unsure ({0}), but the run did not cut here.', why);
}
