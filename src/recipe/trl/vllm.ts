import { t } from '@vscode/l10n';
import type { Contradiction } from '../check.ts';
import type { Fix } from '../findings.ts';
import { obsoleteKeyNames } from './obsolete.ts';

/** What a recipe says about vLLM that TRL would refuse, or understand otherwise than it was meant. */

interface VllmValues {
  use_vllm: boolean;
  vllm_importance_sampling_clip_min: number | null;
  vllm_importance_sampling_clip_max: number | null;
}
type Written = Readonly<Record<string, unknown>>;

/** A server that is named and not used; bounds that exclude each other. */
export function vllm(values: VllmValues, written: Written): Contradiction[] {
  const found: Contradiction[] = [];
  const { vllm_importance_sampling_clip_min: low, vllm_importance_sampling_clip_max: high } =
    values;
  if (low !== null && high !== null && low >= high) {
    found.push({
      keys: ['vllm_importance_sampling_clip_min', 'vllm_importance_sampling_clip_max'],
      message: t(
        '`vllm_importance_sampling_clip_min` ({0}) must be below `vllm_importance_sampling_clip_max` ({1}).',
        low,
        high,
      ),
    });
  }
  const server = ['vllm_server_base_url', 'vllm_server_host', 'vllm_server_port'];
  const named = server.filter((key) => Object.hasOwn(written, key));
  const stated = Object.hasOwn(written, 'vllm_mode');
  const serverMode: Fix = {
    title: t('Add `vllm_mode: server`'),
    changes: [{ kind: 'set', key: 'vllm_mode', value: 'server', after: 'use_vllm' }],
  };
  if (values.use_vllm && !stated && named.length > 0) {
    found.push({
      keys: named,
      message: t(
        '`{0}` is for a vLLM server, but without `vllm_mode` vLLM runs on the training GPUs since TRL 1.0.',
        named[0] ?? '',
      ),
      suggestion: t('Add `vllm_mode: server`.'),
      fixes: [serverMode],
    });
  }
  return found;
}

/** Without `vllm_mode` an old recipe meant the other mode; only its other keys show its age. */
export function oldVllm({ use_vllm }: VllmValues, written: Written): Contradiction[] {
  const old = obsoleteKeyNames.some((key) => Object.hasOwn(written, key));
  if (!old || !use_vllm || Object.hasOwn(written, 'vllm_mode')) return [];
  const add = (mode: string, where: string): Fix => ({
    title: t('Add `vllm_mode: {0}` ({1})', mode, where),
    changes: [{ kind: 'set', key: 'vllm_mode', value: mode, after: 'use_vllm' }],
  });
  return [
    {
      code: 'obsolete_default',
      severity: 'warning',
      keys: ['use_vllm'],
      message: t(
        'This recipe was made for an older TRL, where vLLM was a server by default; since TRL 1.0 it runs on the training GPUs.',
      ),
      suggestion: t('Say which: `vllm_mode: server` or `vllm_mode: colocate`.'),
      fixes: [
        add('server', 'as it was; start it with `trl vllm-serve`'),
        add('colocate', 'on the training GPUs'),
      ],
    },
  ];
}
