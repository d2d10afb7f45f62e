import { stat } from 'node:fs/promises';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../common/errors.ts';
import type { TokenValue } from './arrow/rows.ts';
import type { LogChange, StepRecord } from './event-log.ts';
import { EventLog } from './event-log.ts';
import { EVENTS, manifestPath } from './files.ts';
import { Follower } from './follow.ts';
import type { PromptGroup } from './groups.ts';
import type { Disposable } from './listeners.ts';
import { Listeners } from './listeners.ts';
import { readManifest } from './manifest-file.ts';
import type { RunEvent, UnknownEvent } from './model/events.ts';
import type { Manifest } from './model/manifest.ts';
import type { SegmentSummary, SegmentTokens } from './model/segment.ts';
import type { GroupChange, IndexChange } from './rollout-index.ts';
import { RolloutIndex } from './rollout-index.ts';
import type { RunStatus } from './status.ts';
import { StatusWatch, isLive, sameStatus, statedStatus } from './status.ts';

export type { TokenValue } from './arrow/rows.ts';
export type { StepRecord } from './event-log.ts';
export type { PromptGroup } from './groups.ts';
export type { Disposable } from './listeners.ts';
export type { GroupChange } from './rollout-index.ts';
export type { RunStatus } from './status.ts';

/** What is new since the last notification. */
export interface StoreChange {
  manifest: boolean;
  status: boolean;
  steps: boolean;
  evaluations: boolean;
  events: boolean;
  problems: boolean;
  groups: GroupChange;
}

/** How often a run is looked at when the file system reports nothing. */
const LIVE_POLL = 1000;
const RECORDED_POLL = 5000;
/** Changes closer together than this are told at once. */
const REST = 100;
/** Batches read between two notifications, so that a large run shows up while it is opened. */
const CHUNK = 64;

/**
 * What a run directory holds, for whoever shows it: live and recorded runs alike. It only reads,
 * takes no lock, and follows the files until it is disposed.
 */
export class RunStore implements Disposable {
  readonly directory: string;
  readonly #listeners = new Listeners<StoreChange>();
  readonly #statusWatch = new StatusWatch();
  #follower: Follower | undefined;
  #disposed = false;
  #manifest: Manifest;
  #manifestKey: string;
  #status: RunStatus;
  #log: EventLog;
  #index: RolloutIndex;
  #trouble: string | null = null;
  #problems: readonly string[] = [];

  private constructor(directory: string, manifest: Manifest) {
    this.directory = directory;
    this.#manifest = manifest;
    this.#manifestKey = JSON.stringify(manifest);
    this.#status = statedStatus(manifest, null);
    this.#log = new EventLog(directory);
    this.#index = new RolloutIndex(directory);
  }

  /**
   * Opens a run directory and reads all that is in it. Rejects with a `PlainError` where there is
   * no run, its manifest is damaged, or a newer version wrote it.
   */
  static async open(directory: string): Promise<RunStore> {
    const store = new RunStore(directory, await readManifest(directory));
    await store.#look();
    if (store.#trouble !== null) {
      throw new PlainError(store.#trouble, t('Check the permissions of the run directory.'));
    }
    store.#follower = new Follower(directory, {
      look: () => store.#look(),
      everyMs: () => (isLive(store.#status) ? LIVE_POLL : RECORDED_POLL),
      restMs: REST,
    });
    return store;
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  get status(): RunStatus {
    return this.#status;
  }

  /**
   * Sorted by step; of a step that was repeated after a crash, the later record. The same array as
   * long as nothing changed.
   */
  get steps(): readonly StepRecord[] {
    return this.#log.steps;
  }

  /** Sorted by step; step 0 is the base model. */
  get evaluations(): readonly StepRecord[] {
    return this.#log.evaluations;
  }

  /** The latest warnings, commands, checkpoints and turns of the run, oldest first. */
  get events(): readonly (RunEvent | UnknownEvent)[] {
    return this.#log.recent;
  }

  /** Plain sentences about what of the directory can't be read, or isn't all there. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** All prompts of all steps, by step. The same array as long as nothing changed. */
  groups(): readonly PromptGroup[] {
    return this.#index.groups.list();
  }

  /** The segments of one tree in the order they were written, so that parents come first. */
  tree(step: number, promptId: string): readonly SegmentSummary[] {
    return this.#index.groups.tree(step, promptId);
  }

  /** All values per token of a segment, read from the file; rejects with a `PlainError`. */
  tokens(segmentId: number): Promise<SegmentTokens> {
    return this.#index.tokens(segmentId);
  }

  /** One value a token of a segment, for its strip; rejects with a `PlainError`. */
  strip(segmentId: number, name: TokenValue): Promise<Float32Array> {
    return this.#index.values(segmentId, name);
  }

  onDidChange(listener: (change: StoreChange) => void): Disposable {
    return this.#listeners.add(listener);
  }

  dispose(): void {
    this.#disposed = true;
    this.#follower?.dispose();
    this.#listeners.clear();
  }

  /** Reads all that is new and tells it. Never rejects: what goes wrong becomes a problem. */
  async #look(): Promise<void> {
    try {
      for (let more = true; more && !this.#disposed;) {
        const change = await this.#read();
        more = change.more;
        this.#tell(change.change);
      }
    } catch (error) {
      this.#trouble =
        error instanceof PlainError
          ? error.message
          : t("The run directory can't be read: {0}.", messageOf(error));
      this.#tell({ ...nothing });
    }
  }

  async #read(): Promise<{ change: StoreChange; more: boolean }> {
    const manifest = await this.#readManifest();
    const read = manifest === 'another' ? null : await this.#readFiles();
    // Another run, or a mirror that began anew, lies where this one was: forget the old one.
    const { log, rollouts } = read ?? (await this.#readAnew());
    const status = await this.#readStatus();
    this.#trouble = null;
    const change: StoreChange = {
      ...log,
      manifest: manifest !== 'same',
      status,
      groups: read ? rollouts.groups : 'all',
    };
    return { change, more: rollouts.more };
  }

  /** Null where the files are others than before. */
  async #readFiles(): Promise<{ log: LogChange; rollouts: IndexChange } | null> {
    const log = await this.#log.refresh();
    if (log === 'shrunk') return null;
    const rollouts = await this.#index.refresh(this.#log.superseded, CHUNK);
    return rollouts === 'shrunk' ? null : { log, rollouts };
  }

  async #readAnew(): Promise<{ log: LogChange; rollouts: IndexChange }> {
    this.#log = new EventLog(this.directory);
    this.#index = new RolloutIndex(this.directory);
    const read = await this.#readFiles();
    if (!read) throw new Error('its files keep shrinking');
    const log = { steps: true, evaluations: true, events: true, problems: true };
    return { log, rollouts: read.rollouts };
  }

  async #readManifest(): Promise<'same' | 'changed' | 'another'> {
    const manifest = await readManifest(this.directory);
    const key = JSON.stringify(manifest);
    if (key === this.#manifestKey) return 'same';
    const another = manifest.run_id !== this.#manifest.run_id;
    this.#manifest = manifest;
    this.#manifestKey = key;
    return another ? 'another' : 'changed';
  }

  async #readStatus(): Promise<boolean> {
    const { mtimeMs } = await stat(manifestPath(this.directory));
    const again = (): Promise<Manifest> => readManifest(this.directory);
    const crash = await this.#statusWatch.crashed(this.#manifest, mtimeMs, again);
    const status = crash ?? statedStatus(this.#manifest, this.#log.failure);
    if (sameStatus(status, this.#status)) return false;
    this.#status = status;
    return true;
  }

  #tell(change: StoreChange): void {
    const problems = this.#findProblems();
    const changed = problems.join('\n') !== this.#problems.join('\n');
    if (changed) this.#problems = problems;
    const all = { ...change, problems: changed };
    const { groups, ...flags } = all;
    if (groups.length === 0 && !Object.values(flags).includes(true)) return;
    this.#listeners.tell(all);
  }

  #findProblems(): readonly string[] {
    const { problems, tails } = this.#index;
    const trouble = this.#trouble === null ? [] : [this.#trouble];
    const found = [...trouble, ...this.#log.problems, ...problems];
    // While the engine writes, half a record is only one that is on its way.
    if (isLive(this.#status)) return found;
    const line = this.#log.tail;
    return [
      ...found,
      ...tails.flatMap(({ file, bytes }) =>
        bytes === 0
          ? []
          : [t('The last {0} bytes of {1} are a batch that was never finished.', bytes, file)],
      ),
      ...(line === 0
        ? []
        : [t('The last {0} bytes of {1} are a line that was never finished.', line, EVENTS)]),
    ];
  }
}

const nothing: StoreChange = {
  manifest: false,
  status: false,
  steps: false,
  evaluations: false,
  events: false,
  problems: false,
  groups: [],
};
