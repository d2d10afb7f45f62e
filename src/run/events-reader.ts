import { t } from '@vscode/l10n';
import { messageOf } from '../common/errors.ts';
import type { ByteSource } from './arrow/frames.ts';
import { parseEvent } from './model/events.ts';
import type { RunEvent, UnknownEvent } from './model/events.ts';

/** Reads `events.jsonl` as it grows: whole lines only, each once. */

const CHUNK = 256 * 1024;
/** A line is a few KB; without an end after this many bytes it is no line. */
const MAX_LINE = 16 * 1024 * 1024;
const NEWLINE = 10;

export interface EventBatch {
  events: (RunEvent | UnknownEvent)[];
  /** Plain sentences about lines that were left out, each naming its byte offset. */
  problems: string[];
}

export class EventsReader {
  /** Bytes of whole lines read so far. */
  offset = 0;
  #stopped = false;
  #nextSeq = 0;

  /** Reads the lines that are complete and new in the first `size` bytes of the file. */
  async read(source: ByteSource, size: number): Promise<EventBatch> {
    const batch: EventBatch = { events: [], problems: [] };
    let want = CHUNK;
    while (!this.#stopped && this.offset < size) {
      const bytes = await source.read(this.offset, Math.min(want, size - this.offset));
      const end = bytes.lastIndexOf(NEWLINE);
      if (end >= 0) {
        this.#lines(bytes.subarray(0, end + 1), batch);
        want = CHUNK;
      } else if (bytes.length >= MAX_LINE) {
        this.#stopped = true;
        batch.problems.push(t('events.jsonl has no end of line after byte {0}.', this.offset));
      } else if (this.offset + bytes.length >= size) {
        break;
      } else {
        want *= 4;
      }
    }
    return batch;
  }

  /** `bytes` are whole lines that begin at `this.offset`. */
  #lines(bytes: Uint8Array, batch: EventBatch): void {
    const decoder = new TextDecoder();
    let from = 0;
    while (from < bytes.length) {
      const end = bytes.indexOf(NEWLINE, from);
      const line = decoder.decode(bytes.subarray(from, end));
      const at = this.offset + from;
      from = end + 1;
      if (line.trim() === '') continue;
      try {
        this.#add(parseEvent(line), at, batch);
      } catch (error) {
        const why = messageOf(error);
        batch.problems.push(
          t("The line of events.jsonl at byte {0} can't be read ({1}).", at, why),
        );
      }
    }
    this.offset += bytes.length;
  }

  #add(event: RunEvent | UnknownEvent, at: number, batch: EventBatch): void {
    if (event.seq !== this.#nextSeq) {
      batch.problems.push(
        t(
          'Events are missing before byte {0} of events.jsonl: expected number {1}, found {2}.',
          at,
          this.#nextSeq,
          event.seq,
        ),
      );
    }
    this.#nextSeq = event.seq + 1;
    batch.events.push(event);
  }

  /** The number the next event has. */
  get nextSeq(): number {
    return this.#nextSeq;
  }
}
