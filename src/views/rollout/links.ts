import { commands } from '../ids.ts';
import type { RevealTarget } from '../model/shapes.ts';
import type { Rollout } from './rollout.ts';

/** What a link, a lens or a menu runs: a command with its arguments. */
export interface Call {
  command: string;
  arguments: readonly unknown[];
}

/** What the commands below take; the only ones that hovers may run. */
export const hoverCommands = [
  commands.forkFromToken,
  commands.revealInExplorer,
  commands.siblingsAtToken,
  commands.openRolloutDocument,
] as const;

/** Samples on from before `position`, with another token forced there where one is given. */
export function forkCall(rollout: Rollout, position: number, alternative?: number): Call {
  const { directory } = rollout.address;
  const part = rollout.parts.find(({ from, to }) => position >= from && position < to);
  const segment_id = part?.segment.segment_id ?? rollout.address.segment_id;
  const choice = alternative === undefined ? {} : { alternative };
  return {
    command: commands.forkFromToken,
    arguments: [{ directory, segment_id, position, ...choice }],
  };
}

/** Shows a place of the path in the Rollout Explorer. */
export function explorerCall({ address, key }: Rollout, position: number | null): Call {
  const target: RevealTarget = { ...key, segment_id: address.segment_id, position };
  return { command: commands.revealInExplorer, arguments: [address.directory, target] };
}

export function siblingsCall({ address }: Rollout, position: number): Call {
  const { directory, segment_id } = address;
  return {
    command: commands.siblingsAtToken,
    arguments: [{ directory, segment_id, position }],
  };
}

/** Opens another path of the same run. */
export function openCall({ address }: Rollout, segment_id: number, position: number | null): Call {
  return {
    command: commands.openRolloutDocument,
    arguments: [address.directory, segment_id, position],
  };
}

export function diffCall({ address }: Rollout, other: number): Call {
  const { directory } = address;
  return {
    command: commands.diffRollouts,
    arguments: [
      { directory, segment_id: address.segment_id },
      { directory, segment_id: other },
    ],
  };
}
