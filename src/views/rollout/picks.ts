import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import type { SegmentSummary } from '../../run/model/segment.ts';
import type { TreeRow } from '../model/shapes.ts';
import { percent, short } from '../model/scale.ts';
import { treeRows } from '../model/tree.ts';
import type { Services } from '../services.ts';
import type { RolloutAddress } from './address.ts';
import { oneLine, visible } from './markdown.ts';
import type { Rollout } from './rollout.ts';
import type { OpenRun, RolloutRuns } from './runs.ts';
import { crumbs, endsOf, siblingsAt, type SiblingHere } from './siblings.ts';

/** Quick picks among rollouts. Texts of a run are shown as they stand: no icons, no line breaks. */

interface Parts {
  readonly services: Services;
  readonly runs: RolloutRuns;
}

interface Choice extends vscode.QuickPickItem {
  segment_id: number;
}

/** Most prompts offered: whoever looks for an older one uses the explorer. */
const MOST = 500;

/** A prompt of a run, then one of its rollouts. Null where the person wanted none. */
export async function pickRollout(
  { services, runs }: Parts,
  directory: string | null,
): Promise<RolloutAddress | null> {
  const chosen = directory ?? services.runs.active?.directory ?? null;
  if (chosen === null) {
    throw new PlainError(
      t('There is no run to open a rollout of.'),
      t('Start one, or open a recorded one.'),
    );
  }
  return await runs.use(chosen, async ({ store }) => {
    const prompts = store.groups().slice(-MOST).reverse();
    const prompt = await vscode.window.showQuickPick(
      prompts.map((group) => ({
        label: oneLine(group.prompt),
        description: t('step {0} · reward {1}', group.step, short(group.reward_mean)),
        group,
      })),
      { title: t('Open Rollout as Document'), placeHolder: t('Which prompt?') },
    );
    if (prompt === undefined) return null;
    const { step, prompt_id } = prompt.group;
    const segments = store.tree(step, prompt_id);
    const picked = await pickEnd(segments, t('Open Rollout as Document'), t('Which rollout?'));
    return picked === null ? null : { directory: chosen, segment_id: picked };
  });
}

/** The other side of a diff: another rollout of the same prompt. */
export async function pickDiffSide(
  { runs }: Parts,
  { address, key }: Rollout,
): Promise<RolloutAddress | null> {
  const { directory, segment_id: own } = address;
  return await runs.use(directory, async ({ store }) => {
    const segments = store.tree(key.step, key.prompt_id);
    const title = t('Compare Rollout with…');
    const picked = await pickEnd(segments, title, t('Which rollout of this prompt?'), own);
    return picked === null ? null : { directory, segment_id: picked };
  });
}

async function pickEnd(
  segments: readonly SegmentSummary[],
  title: string,
  placeHolder: string,
  without?: number,
): Promise<number | null> {
  const ends = new Set(endsOf(segments).map(({ segment_id }) => segment_id));
  const all = treeRows(segments);
  const rows = all.filter(({ segment_id }) => ends.has(segment_id) && segment_id !== without);
  const picked = await vscode.window.showQuickPick(
    rows.map((row): Choice => ({ ...itemOf(row, all), segment_id: row.segment_id })),
    { title, placeHolder, matchOnDescription: true },
  );
  return picked?.segment_id ?? null;
}

/** What the other paths of the tree have at a position. */
export async function pickSibling(
  { runs }: Parts,
  rollout: Rollout,
  position: number,
): Promise<RolloutAddress | null> {
  const { directory } = rollout.address;
  const title = t('Token {0} in Siblings', position);
  const found = runs.use(directory, ({ store, vocabulary }: OpenRun) =>
    siblingsAt(store, vocabulary, rollout, position),
  );
  const items = found.then((here) => here.map((each) => siblingItem(each, rollout.rows)));
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: t('What each has there; choose one to open it'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked === undefined ? null : { directory, segment_id: picked.segment_id };
}

function siblingItem({ row, parted, token, after }: SiblingHere, rows: readonly TreeRow[]): Choice {
  const { label, description } = itemOf(row, rows);
  const where = parted === null ? t('the same path') : t('another token from {0} on', parted);
  return {
    label: `${label}   ${token === null ? '∅' : visible(token.text).replaceAll('$(', '$ (')}`,
    description: `${description} · ${where}`,
    detail:
      token === null
        ? t('ends before it')
        : `p ${percent(token.probability)} · H ${short(token.entropy)}   ${oneLine(after)}`,
    segment_id: row.segment_id,
  };
}

const glyph = ({ right, status }: TreeRow): string =>
  right === null ? (status === 'truncated' ? '◆' : '○') : right ? '✓' : '✗';

function itemOf(row: TreeRow, rows: readonly TreeRow[]): { label: string; description: string } {
  const reward = row.reward === null ? '' : t('reward {0}', short(row.reward));
  const facts = [reward, t('T {0}', short(row.temperature))].filter((fact) => fact !== '');
  return { label: `${glyph(row)} ${crumbs(row, rows)}`, description: facts.join(' · ') };
}
