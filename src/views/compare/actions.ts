import type { Comparison } from '../../compare/model.ts';
import type { Campaign } from './campaign.ts';
import type { PromptKey, SideIndex } from './protocol.ts';

/** A completion of a run, by its leaf. */
export interface Place {
  directory: string;
  segment_id: number;
}

/** What the compare view can do outside of itself; the extension provides it. */
export interface CompareActions {
  openRollout(directory: string, segment_id: number, position: number | null): Promise<void>;
  diff(first: Place, second: Place): Promise<void>;
  explore(directory: string, key: PromptKey, segment_id: number | null): Promise<void>;
  /** Asks in what form to export, and does it, but for the pictures, which the page draws. */
  chooseExport(comparison: Comparison): Promise<{ pictures: 'as_shown' | 'light' } | null>;
  /** A sentence about where they went; null where nobody chose a place. */
  savePictures(
    comparison: Comparison,
    pictures: readonly { name: string; data: string }[],
  ): Promise<string | null>;
  /** Stops these runs, and starts no more of the comparison. */
  stop(directories: readonly string[]): Promise<void>;
  openRun(directory: string): Promise<void>;
  showLog(directory: string): Promise<void>;
  openPrice(): Promise<void>;
}

/** A run of a comparison that is being made. */
export interface MakingJob {
  side: SideIndex;
  seed: number;
}

/** How far the making has come, as the view shows it. */
export type MakingOf = Pick<Campaign<MakingJob>, 'jobs' | 'states'>;
