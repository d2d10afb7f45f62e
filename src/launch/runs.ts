import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { t } from '@vscode/l10n';
import { Follower } from '../run/follow.ts';
import { LOG, RECIPE, codeOf } from '../run/files.ts';
import { Listeners, type Disposable } from '../run/listeners.ts';
import { readManifest } from '../run/manifest-file.ts';
import { isLive } from '../run/status.ts';
import { releaseDirectory, reserveDirectory } from './run-directory.ts';
import { RunEntry, nameOf, startOf } from './run-entry.ts';
import type { ReadableRun, RunCard } from './run-entry.ts';
import type { LaunchOptions, LaunchTarget } from './target.ts';

const LIVE_POLL_MS = 1000;
const QUIET_POLL_MS = 5000;
const REST_MS = 150;

export type StartOptions = Pick<LaunchOptions, 'timeoutMs' | 'signal' | 'overrides'>;

/**
 * All runs there are to see: those in the runs directories, whoever started them, and those opened
 * from elsewhere. Nothing is remembered about a live run but its directory, so a new window finds
 * it just as the old one knew it.
 */
export class Runs {
  readonly #target: LaunchTarget;
  readonly #entries = new Map<string, RunEntry>();
  readonly #opened = new Set<string>();
  /** Those last seen alive: one that can't be read for a moment is among them still. */
  readonly #alive = new Set<string>();
  /** Folders of runs that were not there before our first run; anybody else's is never removed. */
  readonly #made = new Set<string>();
  readonly #changed = new Listeners<readonly RunCard[]>();
  readonly #ended = new Listeners<ReadableRun>();
  #followers: Follower[] = [];
  #directories: readonly string[] = [];
  #cards: readonly RunCard[] = [];
  #selected: string | null = null;
  #scan: Promise<void> | null = null;
  #disposed = false;

  /** `opened`: runs from elsewhere that are on the list already. */
  constructor(target: LaunchTarget, opened: readonly string[] = []) {
    this.#target = target;
    for (const directory of opened) this.#opened.add(resolve(directory));
  }

  /** Told after anything in the list changed, with the cards that did. */
  readonly onDidChange = (listener: (cards: readonly RunCard[]) => void): Disposable =>
    this.#changed.add(listener);
  /** Told once when a run that was seen alive has ended, however it did. */
  readonly onDidEnd = (listener: (run: ReadableRun) => void): Disposable =>
    this.#ended.add(listener);

  /** Newest first. */
  get cards(): readonly RunCard[] {
    return this.#cards;
  }

  card(directory: string): RunCard | undefined {
    return this.#entries.get(resolve(directory))?.card ?? undefined;
  }

  /** The run that views show: the one chosen, else the newest that lives, else the newest. */
  get active(): RunCard | null {
    const chosen = this.#cards.find(({ directory }) => directory === this.#selected);
    return chosen ?? this.#cards.find(isAlive) ?? this.#cards[0] ?? null;
  }

  select(directory: string): void {
    const before = this.active?.directory;
    this.#selected = resolve(directory);
    if (before === this.#selected) return;
    const card = this.card(directory);
    this.#changed.tell(card === undefined ? [] : [card]);
  }

  /** Runs opened from outside the runs directories; what a later window starts with. */
  get opened(): readonly string[] {
    return [...this.#opened].filter((directory) => !this.#isInside(directory));
  }

  /** Whether the run was opened from outside the runs directories. */
  isOpened(directory: string): boolean {
    return this.opened.includes(resolve(directory));
  }

  /** Absolute paths of the folders whose subfolders are runs. They need not exist. */
  async setDirectories(directories: readonly string[]): Promise<void> {
    this.#directories = directories.map((directory) => resolve(directory));
    for (const follower of this.#followers) follower.dispose();
    this.#followers = this.#directories.map(
      (directory) =>
        new Follower(directory, {
          look: () => this.refresh(),
          everyMs: () => (this.#cards.some(isAlive) ? LIVE_POLL_MS : QUIET_POLL_MS),
          restMs: REST_MS,
        }),
    );
    await this.#lookAgain();
  }

  /** Adds a recorded run from anywhere; rejects with a `PlainError` where there is none. */
  async open(directory: string): Promise<RunCard> {
    const path = resolve(directory);
    await readManifest(path);
    this.#opened.add(path);
    this.#selected = path;
    await this.#lookAgain();
    const card = this.card(path);
    if (card === undefined) throw new Error(t('{0} is gone.', path));
    return card;
  }

  /** Takes a run that was opened from elsewhere off the list. */
  async forget(directory: string): Promise<void> {
    this.#opened.delete(resolve(directory));
    await this.#lookAgain();
  }

  /** An empty directory for a new run of `recipe`; a start that fails gives it back. */
  async newDirectory(recipe: string, runsDirectory: string): Promise<string> {
    const { directory, madeParent } = await reserveDirectory(recipe, runsDirectory);
    if (madeParent) this.#made.add(dirname(directory));
    return directory;
  }

  /** Starts a new run of a recipe; settles when it is ready or can't be. */
  start(recipe: string, runDirectory: string, options: StartOptions): Promise<RunCard> {
    return this.#launch({ ...options, recipe, runDirectory: resolve(runDirectory) });
  }

  /** Goes on with a run that ended before its last step, from its newest checkpoint. */
  continue(directory: string, options: StartOptions): Promise<RunCard> {
    const runDirectory = resolve(directory);
    return this.#launch({
      ...options,
      recipe: join(runDirectory, RECIPE),
      runDirectory,
      resume: true,
    });
  }

  /** Looks at the directories now. Never rejects. */
  refresh(): Promise<void> {
    this.#scan ??= this.#look().finally(() => (this.#scan = null));
    return this.#scan;
  }

  logFile(directory: string): string {
    return join(directory, LOG);
  }

  /** Stops watching. Runs go on: they belong to their directories. */
  dispose(): void {
    this.#disposed = true;
    for (const follower of this.#followers) follower.dispose();
    this.#changed.clear();
    this.#ended.clear();
  }

  async #launch(options: LaunchOptions): Promise<RunCard> {
    const { runDirectory } = options;
    const run = await this.#target.launch(options).catch(async (error: unknown) => {
      const parent = dirname(runDirectory);
      if (options.resume !== true) await releaseDirectory(runDirectory, this.#made.has(parent));
      throw error;
    });
    void run.stopped.then(() => this.#lookAgain());
    await run.ready;
    this.#selected = runDirectory;
    if (!this.#isInside(runDirectory)) this.#opened.add(runDirectory);
    await this.#lookAgain();
    const card = this.card(runDirectory);
    if (card === undefined) throw new Error(t('{0} holds no run.', runDirectory));
    return card;
  }

  /** A look that began after this call. */
  async #lookAgain(): Promise<void> {
    await this.#scan;
    await this.refresh();
  }

  #isInside(directory: string): boolean {
    return this.#directories.some((parent) => resolve(directory, '..') === parent);
  }

  async #look(): Promise<void> {
    const found = (await Promise.all(this.#directories.map(subfolders))).flat();
    const wanted = new Set([...found, ...this.#opened]);
    for (const directory of this.#entries.keys()) {
      if (!wanted.has(directory)) this.#entries.delete(directory);
    }
    for (const directory of wanted) {
      if (!this.#entries.has(directory)) this.#entries.set(directory, new RunEntry(directory));
    }
    const before = new Map(this.#cards.map((card) => [card.directory, card]));
    // One after another: opening a window on hundreds of runs must not read them all at once.
    for (const entry of this.#entries.values()) await entry.refresh();
    if (this.#disposed) return;
    const cards = [...this.#entries.values()].flatMap(({ card }) => card ?? []);
    this.#cards = cards.sort(byStart);
    this.#tell(before);
  }

  #tell(before: ReadonlyMap<string, RunCard>): void {
    const changed = this.#cards.filter((card) => before.get(card.directory) !== card);
    if (changed.length === 0 && before.size === this.#cards.length) return;
    this.#changed.tell(changed);
    for (const card of changed) {
      if (card.kind !== 'run') continue;
      if (isLive(card.status)) this.#alive.add(card.directory);
      else if (this.#alive.delete(card.directory)) this.#ended.tell(card);
    }
  }
}

export function isAlive(card: RunCard): boolean {
  return card.kind === 'run' && isLive(card.status);
}

/** The runs directly below a folder, newest first; none where it is no folder. */
export async function runsIn(directory: string): Promise<RunCard[]> {
  const entries = (await subfolders(directory)).map((folder) => new RunEntry(folder));
  for (const entry of entries) await entry.refresh();
  return entries.flatMap(({ card }) => card ?? []).sort(byStart);
}

/** Newest first, what can't be read last. */
const byStart = (a: RunCard, b: RunCard): number =>
  startOf(b).localeCompare(startOf(a)) || nameOf(a).localeCompare(nameOf(b));

async function subfolders(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => join(directory, name));
  } catch (error) {
    // No such folder yet, or none of ours to read: there are no runs in it.
    if (codeOf(error) !== undefined) return [];
    throw error;
  }
}
