import { t } from '@vscode/l10n';
import type { RunStatus } from '../../run/store.ts';

/** A run's state as people read it, everywhere the same. */
export function stateName(kind: RunStatus['kind'] | 'unreadable'): string {
  switch (kind) {
    case 'starting':
      return t('starting');
    case 'running':
      return t('running');
    case 'paused':
      return t('paused');
    case 'finished':
      return t('finished');
    case 'stopped':
      return t('stopped');
    case 'failed':
      return t('failed');
    case 'crashed':
      return t('crashed');
    case 'unreadable':
      return t('unreadable');
  }
}
