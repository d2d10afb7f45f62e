import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { z } from 'zod';
import { short } from '../model/scale.ts';
import { quoted } from '../model/text.ts';
import { openServerSettings, type CompletionServer } from './servers.ts';

/** Where a fork can be sampled. */
export type ForkSource =
  | { kind: 'live'; name: string }
  | { kind: 'checkpoint'; name: string }
  | { kind: 'server'; name: string; server: CompletionServer };

export interface ForkChoice {
  source: ForkSource;
  n: number;
  temperature: number;
  max_tokens: number;
  /** A token id of the run, or null. */
  forced: number | null;
}

/** A token one may begin with, likeliest first. */
export interface Beginning {
  id: number;
  text: string | null;
  probability: number | null;
}

export interface Asked {
  /** Where in the run, in words. */
  place: string;
  sources: readonly ForkSource[];
  problems: readonly string[];
  beginnings: readonly Beginning[];
  /** The recipe's own, for what was never chosen. */
  temperature: number;
  longest: number;
  /** Chosen before, in a link. */
  forced: number | null;
}

const remembered = z.object({
  source: z.string().catch(''),
  n: z.number().int().min(1).max(128).catch(3),
  temperature: z.number().min(0).max(100).nullable().catch(null),
});
const KEY = 'forkDefaults';
const MOST = 128;

const keyOf = (source: ForkSource): string =>
  source.kind === 'server' ? `server ${source.server.baseUrl}` : 'own';

/**
 * One menu: Enter samples with what was chosen last time, every row below changes something and
 * comes back. Undefined where it was left.
 */
export async function askForFork(
  asked: Asked,
  memory: vscode.Memento,
): Promise<ForkChoice | undefined> {
  const known = remembered.parse(memory.get(KEY) ?? {});
  const { sources } = asked;
  let source = sources.find((each) => keyOf(each) === known.source) ?? sources[0];
  let { n } = known;
  let temperature = known.temperature ?? asked.temperature;
  let max_tokens = asked.longest;
  let { forced } = asked;
  for (;;) {
    const begins = forced === null ? t('what is sampled') : t('{0}, forced', nameOf(forced, asked));
    const rows: (vscode.QuickPickItem & { id: string })[] = [
      ...(source === undefined
        ? []
        : [
            {
              id: 'go',
              label: `$(play) ${t('Sample {0} continuations', n)}`,
              description: labelOf(source),
              detail: t(
                'T {0} · up to {1} tokens · beginning with {2}',
                short(temperature),
                max_tokens,
                begins,
              ),
            },
            { id: '', label: t('Change'), kind: vscode.QuickPickItemKind.Separator },
          ]),
      {
        id: 'source',
        label: `$(server) ${t('From')}`,
        description: source === undefined ? t('choose a server') : labelOf(source),
      },
      { id: 'n', label: `$(list-ordered) ${t('How many')}`, description: String(n) },
      { id: 'temperature', label: `$(flame) ${t('Temperature')}`, description: short(temperature) },
      {
        id: 'longest',
        label: `$(arrow-right) ${t('Longest')}`,
        description: t('{0} tokens', max_tokens),
      },
      ...(asked.beginnings.length === 0 && forced === null
        ? []
        : [{ id: 'forced', label: `$(pin) ${t('Begin with')}`, description: begins }]),
    ];
    const picked = await vscode.window.showQuickPick(rows, {
      title: t('Fork from Here'),
      placeHolder: asked.place,
      ignoreFocusOut: true,
    });
    switch (picked?.id) {
      case 'go': {
        if (source === undefined) break;
        const chosen = temperature === asked.temperature ? null : temperature;
        await memory.update(KEY, { source: keyOf(source), n, temperature: chosen });
        return { source, n, temperature, max_tokens, forced };
      }
      case 'source': {
        const next = await askForSource(asked);
        if (next === 'settings') return undefined;
        source = next ?? source;
        break;
      }
      case 'n':
        n = (await askForNumber(t('How many continuations?'), n, 1, MOST, true)) ?? n;
        break;
      case 'temperature':
        temperature =
          (await askForNumber(t('At which temperature?'), temperature, 0, 100, false)) ??
          temperature;
        break;
      case 'longest':
        max_tokens =
          (await askForNumber(t('How many tokens at most?'), max_tokens, 1, 1 << 16, true)) ??
          max_tokens;
        break;
      case 'forced': {
        const next = await askForBeginning(asked);
        if (next !== undefined) forced = next;
        break;
      }
      default:
        return undefined;
    }
  }
}

export function labelOf(source: ForkSource): string {
  if (source.kind === 'live') return t('the live policy');
  if (source.kind === 'checkpoint') return t('checkpoint {0}', source.name);
  return source.name;
}

async function askForSource({
  sources,
  problems,
}: Asked): Promise<ForkSource | 'settings' | undefined> {
  const rows = sources.map((source) => ({
    label: labelOf(source),
    description: source.kind === 'server' ? source.server.baseUrl : '',
    source,
  }));
  const more = [
    ...problems.map((label) => ({ label: `$(warning) ${label}`, source: null })),
    { label: `$(gear) ${t('Another server…')}`, source: null },
  ];
  const picked = await vscode.window.showQuickPick([...rows, ...more], {
    title: t('Fork from Here'),
    placeHolder: t('Where to sample'),
    ignoreFocusOut: true,
  });
  if (picked === undefined) return undefined;
  if (picked.source !== null) return picked.source;
  await openServerSettings();
  return 'settings';
}

async function askForNumber(
  prompt: string,
  value: number,
  least: number,
  most: number,
  whole: boolean,
): Promise<number | undefined> {
  const valid = (text: string) => {
    const number = Number(text.trim().replace(',', '.'));
    const fits = text.trim() !== '' && number >= least && number <= most;
    return fits && (!whole || Number.isInteger(number)) ? number : null;
  };
  const text = await vscode.window.showInputBox({
    title: t('Fork from Here'),
    prompt,
    value: String(value),
    ignoreFocusOut: true,
    validateInput: (typed) => {
      if (valid(typed) !== null) return null;
      return whole
        ? t('A whole number from {0} to {1}.', least, most)
        : t('A number from {0} to {1}.', least, most);
    },
  });
  return text === undefined ? undefined : (valid(text) ?? undefined);
}

async function askForBeginning(asked: Asked): Promise<number | null | undefined> {
  const rows = asked.beginnings.map(({ id, probability }) => ({
    label: nameOf(id, asked),
    description: probability === null ? '' : `p ${short(probability, 3)}`,
    id,
  }));
  const picked = await vscode.window.showQuickPick(
    [{ label: t('What is sampled'), description: '', id: null }, ...rows],
    {
      title: t('Fork from Here'),
      placeHolder: t('The first token of every continuation'),
      ignoreFocusOut: true,
    },
  );
  return picked?.id;
}

function nameOf(id: number, { beginnings }: Asked): string {
  const text = beginnings.find((beginning) => beginning.id === id)?.text ?? null;
  return text === null ? `#${id}` : quoted(text);
}
