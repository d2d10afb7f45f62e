import { t } from '@vscode/l10n';
import type { ProbeOrigin } from '../../run/model/probe.ts';
import { quoted } from './text.ts';

/** What a person should know about a probe: who said it, and how much of it is known. */
export function probeNotes(origin: ProbeOrigin): string[] {
  const { forced, uncertainty, logprob, unscored } = origin;
  return [
    t('Sampled on request from {0}; never trained on.', sourceOf(origin)),
    ...(forced === null ? [] : [t('It was made to begin with {0}.', quoted(forced.text))]),
    ...(uncertainty === 'lower_bound' ? [boundNote()] : []),
    ...(uncertainty === 'none' ? [t('The server says nothing about how sure it was.')] : []),
    ...(logprob === 'temperature_1'
      ? [t('Its log probabilities are those at temperature 1.')]
      : []),
    ...(unscored === null ? [] : [unscoredNote(unscored)]),
  ];
}

export const boundNote = (): string =>
  t('Only the best few alternatives are known, so that its entropy is a lower bound.');

function sourceOf({ source, name, model }: ProbeOrigin): string {
  if (source === 'live') return t('the live policy');
  if (source === 'checkpoint') return t('checkpoint {0}', name);
  return t('{0} ({1})', name, model);
}

function unscoredNote(reason: NonNullable<ProbeOrigin['unscored']>): string {
  switch (reason) {
    case 'no_endpoint':
      return t('Not scored: the run’s rewards can’t be asked for.');
    case 'no_route':
      return t('Not scored: this run’s trainer doesn’t score on request.');
    case 'unknown_prompt':
      return t('Not scored: the run’s data set has no such prompt.');
    case 'no_opinion':
      return t('Not scored: no reward function had an opinion on it.');
    case 'failed':
      return t('Not scored: scoring failed; see the log.');
  }
}
