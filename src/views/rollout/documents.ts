import { t } from '@vscode/l10n';
import { messageOf, PlainError } from '../../common/errors.ts';
import { Listeners } from '../../run/listeners.ts';
import type { Disposable, StoreChange } from '../../run/store.ts';
import { queryOf, type RolloutAddress } from './address.ts';
import { loadRollout, treeOf, type Rollout, type RolloutSource } from './rollout.ts';
import type { OpenRun, RolloutRuns } from './runs.ts';

export type DocumentState =
  /** `notice`: why what is shown is not what the run holds now, or null. */
  | { kind: 'ready'; rollout: Rollout; notice: string | null }
  | { kind: 'failed'; message: string; next: string };

/** A rollout that somebody looks at, or looked at a moment ago. */
export interface RolloutDocument {
  readonly address: RolloutAddress;
  readonly state: DocumentState;
  /** When its text was read, in ms. */
  readonly read: number;
}

interface Entry {
  address: RolloutAddress;
  hold: (Disposable & { run: Promise<OpenRun> }) | null;
  /** One look after the other; never rejects. */
  looking: Promise<void>;
  document: RolloutDocument | null;
}

/** What a document without a rollout says instead. */
export const sentenceOf = (state: DocumentState): string =>
  state.kind === 'ready' ? state.rollout.document.text : `${state.message}\n${state.next}\n`;

/**
 * The open rollout documents. What one reads stays as it was read, even if its run is deleted or
 * goes on from an earlier step; what the run knows of it besides (branches, probes) stays fresh.
 */
export class RolloutDocuments implements Disposable {
  readonly #runs: Pick<RolloutRuns, 'hold'>;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Listeners<RolloutDocument>();

  constructor(runs: Pick<RolloutRuns, 'hold'>) {
    this.#runs = runs;
  }

  /** Told when a document was read, and when anything about it but its text changed. */
  onDidChange(listener: (document: RolloutDocument) => void): Disposable {
    return this.#listeners.add(listener);
  }

  get(address: RolloutAddress): RolloutDocument | null {
    return this.#entries.get(queryOf(address))?.document ?? null;
  }

  get addresses(): RolloutAddress[] {
    return [...this.#entries.values()].map(({ address }) => address);
  }

  /** Never rejects: a rollout that can't be read is a document that says so. Tries that again. */
  async open(address: RolloutAddress): Promise<RolloutDocument> {
    const key = queryOf(address);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { address, hold: null, looking: Promise.resolve(), document: null };
      this.#entries.set(key, entry);
    }
    if (entry.document?.state.kind !== 'ready') this.#look(entry);
    await entry.looking;
    return entry.document ?? failed(address, new Error(t('It was closed before it was read.')));
  }

  close(address: RolloutAddress): void {
    const key = queryOf(address);
    this.#entries.get(key)?.hold?.dispose();
    this.#entries.delete(key);
  }

  /** A run changed: looks again at what of it is open and may be concerned. */
  runChanged(directory: string, change: StoreChange): void {
    for (const entry of this.#entries.values()) {
      const state = entry.document?.state;
      if (entry.address.directory !== directory || state?.kind !== 'ready') continue;
      const { step, prompt_id } = state.rollout.key;
      const grown =
        change.groups === 'all' ||
        change.groups.some((key) => key.step === step && key.prompt_id === prompt_id);
      if (grown || change.manifest || change.problems) this.#look(entry);
    }
  }

  dispose(): void {
    for (const { address } of [...this.#entries.values()]) this.close(address);
    this.#listeners.clear();
  }

  #look(entry: Entry): void {
    entry.looking = entry.looking.then(async () => {
      // Closed meanwhile: nobody would let its run go again.
      if (this.#entries.get(queryOf(entry.address)) !== entry) return;
      entry.document = await this.#read(entry);
      if (entry.document.state.kind === 'failed') {
        entry.hold?.dispose();
        entry.hold = null;
      }
      this.#listeners.tell(entry.document);
    });
  }

  async #read(entry: Entry): Promise<RolloutDocument> {
    const { address, document } = entry;
    const before = document?.state.kind === 'ready' ? document.state.rollout : null;
    try {
      entry.hold ??= this.#runs.hold(address.directory);
      const { store, vocabulary } = await entry.hold.run;
      if (before !== null) checkStillThere(store, before);
      const rollout = await loadRollout(store, vocabulary, address);
      if (document === null || before === null) {
        return { address, state: { kind: 'ready', rollout, notice: null }, read: Date.now() };
      }
      if (rollout.document.text !== before.document.text) {
        throw new PlainError(t('The run has another rollout of this number now.'), '');
      }
      return { ...document, state: { kind: 'ready', rollout, notice: null } };
    } catch (error) {
      if (document === null || before === null) return failed(address, error);
      const notice = t('{0} What is shown here was read before.', messageOf(error));
      return { ...document, state: { kind: 'ready', rollout: before, notice } };
    }
  }
}

/** Why a rollout that was read is no longer the run's, thrown as a sentence. */
function checkStillThere(source: RolloutSource, { run, address }: Rollout): void {
  if (source.manifest.run_id !== run.id) {
    throw new PlainError(t('Another run lies where {0} was.', run.name), '');
  }
  if (treeOf(source, address.segment_id) === null) {
    const sentence = t('The run was resumed from an earlier step, without this rollout.');
    throw new PlainError(sentence, '');
  }
}

function failed(address: RolloutAddress, error: unknown): RolloutDocument {
  const next = error instanceof PlainError ? error.next : '';
  const state = { kind: 'failed', message: messageOf(error), next } as const;
  return { address, state, read: Date.now() };
}
