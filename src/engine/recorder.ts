import { messageOf } from '../common/errors.ts';
import { DiskError } from '../run/append.ts';
import type { EventBody } from '../run/model/events.ts';
import type { Manifest } from '../run/model/manifest.ts';
import type { SegmentRow } from '../run/model/segment.ts';
import type { RunWriter } from '../run/writer.ts';

/** Events kept for a disk that has no room now; they are small, and a full disk may get room. */
const BACKLOG = 100_000;

/**
 * The run directory as training sees it: whatever happens to the disk, training goes on. Events
 * wait until they can be written; rollouts are too large for that, so what was lost is counted and
 * said.
 */
export class Recorder {
  readonly writer: RunWriter;
  readonly #log: (line: string) => void;
  readonly #backlog: EventBody[] = [];
  #lost = { segments: 0, steps: 0 };
  #complained = false;
  #last: Promise<void> = Promise.resolve();

  /** `log`: where to say what can't be said in the run directory. */
  constructor(writer: RunWriter, log: (line: string) => void) {
    this.writer = writer;
    this.#log = log;
  }

  /** Never rejects for the disk's sake. */
  say(event: EventBody): Promise<void> {
    this.#backlog.push(event);
    // One after another: two flushes at once would write an event twice.
    const flushed = this.#last.then(() => this.#flush());
    this.#last = flushed.catch(() => undefined);
    return flushed;
  }

  async rollouts(step: number, rows: readonly SegmentRow[]): Promise<void> {
    try {
      await this.writer.rollouts(rows);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#lost = { segments: this.#lost.segments + rows.length, steps: this.#lost.steps + 1 };
      await this.say({
        type: 'warning',
        code: 'rollouts_lost',
        message: `${error.message} The ${rows.length} segments of step ${step} are not recorded (${this.#lost.segments} of ${this.#lost.steps} steps so far); training goes on.`,
      });
    }
  }

  async manifest(patch: Partial<Manifest>): Promise<void> {
    try {
      await this.writer.updateManifest(patch);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#complain(error);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#last.then(() => this.#flush());
      await this.writer.close();
    } catch (error) {
      this.#log(`The run directory could not be closed properly: ${messageOf(error)}`);
    }
    if (this.#backlog.length > 0) {
      const last = this.#backlog.at(-1);
      this.#log(
        `${this.#backlog.length} events could not be written, the last one is ${JSON.stringify(last)}.`,
      );
    }
  }

  async #flush(): Promise<void> {
    for (let event = this.#backlog[0]; event !== undefined; event = this.#backlog[0]) {
      try {
        await this.writer.event(event);
      } catch (error) {
        if (!(error instanceof DiskError)) {
          // An event that can't be one must not keep the others from being written.
          this.#backlog.shift();
          throw error;
        }
        this.#complain(error);
        while (this.#backlog.length > BACKLOG) this.#backlog.shift();
        return;
      }
      this.#backlog.shift();
      this.#complained = false;
    }
  }

  /** Once for each time the disk gives up, not once for each event. */
  #complain(error: DiskError): void {
    if (!this.#complained) this.#log(`${error.message} ${error.next} Training goes on.`);
    this.#complained = true;
  }
}
