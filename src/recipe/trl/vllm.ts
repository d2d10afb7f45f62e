import { t } from '@vscode/l10n';
import type { Contradiction } from '../check.ts';
import type { Fix } from '../findings.ts';
import { obsoleteKeyNames } from './obsolete.ts';
import { remove, set, type View, type Written } from './values.ts';

/** What a recipe says about vLLM that TRL would refuse, or understand otherwise than it was meant. */

/** A server that is named and not used; bounds that exclude each other; too short a context. */
export function vllm(values: View, written: Written): Contradiction[] {
  return [...bounds(values), ...unusedServer(values, written), ...context(values)];
}

/** TRL looks at them whether vLLM is used or not. */
function bounds(values: View): Contradiction[] {
  const { vllm_importance_sampling_clip_min: low, vllm_importance_sampling_clip_max: high } =
    values;
  const found: Contradiction[] = [];
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
  const { vllm_importance_sampling_correction: corrects, vllm_importance_sampling_mode: mode } =
    values;
  if (corrects && mode.endsWith('_truncate') && low === null && high === null) {
    found.push({
      keys: ['vllm_importance_sampling_clip_max', 'vllm_importance_sampling_mode'],
      message: t('`vllm_importance_sampling_mode: {0}` needs a bound to cut the weights at.', mode),
      suggestion: t('Set `vllm_importance_sampling_clip_max`.'),
      fixes: [set('vllm_importance_sampling_clip_max', 3)],
    });
  }
  return found;
}

function unusedServer(values: View, written: Written): Contradiction[] {
  const found: Contradiction[] = [];
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

/** The prompt and the completion have to fit into it together. */
function context(values: View): Contradiction[] {
  const { use_vllm, vllm_max_model_length: length, max_completion_length: completion } = values;
  if (!use_vllm || length === null || completion === null || completion < length) return [];
  return [
    {
      keys: ['vllm_max_model_length', 'max_completion_length'],
      message: t(
        '`vllm_max_model_length` ({0}) holds the prompt and the completion; `max_completion_length` ({1}) leaves no room for a prompt.',
        length,
        completion,
      ),
      suggestion: t('Add the length of your longest prompt to `max_completion_length`.'),
      fixes: [set('vllm_max_model_length', completion + 512), remove('vllm_max_model_length')],
    },
  ];
}

/** Without `vllm_mode` an old recipe meant the other mode; only its other keys show its age. */
export function oldVllm({ use_vllm }: View, written: Written): Contradiction[] {
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
