import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import type { WebSocket } from 'ws';
import { PlainError, messageOf } from '../../common/errors.ts';
import { readFrame } from '../arrow/frames.ts';
import { eventsPath, manifestPath, rolloutsPath, withFile } from '../files.ts';
import { readManifest } from '../manifest-file.ts';
import type { ServerMessage } from '../model/stream.ts';
import { closeCodes, frameHeader } from '../model/stream.ts';

/**
 * Sends one viewer what the files of a run hold beyond its offsets, and then what comes.
 *
 * One frame is on its way at a time, and the next is read only when the last was taken by the
 * network: a viewer that stops reading costs the memory of one frame, and nobody else notices.
 */

/** Bytes of whole lines put into one text frame, but at least one line. */
const EVENTS_CHUNK = 256 * 1024;
const MAX_LINE = 16 * 1024 * 1024;

export class Viewer {
  readonly #directory: string;
  readonly #socket: WebSocket;
  #events: number;
  #rollouts: number;
  #manifestSeen = '';
  #frames = 0;
  #news = true;
  #wake: () => void = () => undefined;
  #ending = false;
  #closed = false;

  constructor(directory: string, socket: WebSocket, offsets: { events: number; rollouts: number }) {
    this.#directory = directory;
    this.#socket = socket;
    this.#events = offsets.events;
    this.#rollouts = offsets.rollouts;
    socket.once('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** Frames that the network took. */
  get frames(): number {
    return this.#frames;
  }

  /** Something may have been written. */
  notify(): void {
    this.#news = true;
    this.#wake();
  }

  /** Sends what is left and closes. */
  end(): void {
    this.#ending = true;
    this.notify();
  }

  /** Runs until the socket is closed. Never rejects. */
  async run(): Promise<void> {
    try {
      if (!(await this.#offsetsAreThere())) return;
      while (!this.#closed) {
        this.#news = false;
        const more = await this.#sendSome();
        if (more) continue;
        if (this.#ending) {
          this.#socket.close(closeCodes.ended, 'The engine ends.');
          return;
        }
        await this.#untilNews();
      }
    } catch (error) {
      // A plain error is a whole sentence.
      const message =
        error instanceof PlainError ? error.message : `The run can't be read: ${messageOf(error)}.`;
      await this.#fail(closeCodes.trouble, message);
    }
  }

  async #untilNews(): Promise<void> {
    if (this.#news || this.#closed) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** A viewer that holds bytes this run doesn't have is a mirror of something else. */
  async #offsetsAreThere(): Promise<boolean> {
    const events = (await withFile(eventsPath(this.#directory), (file) => file.size())) ?? 0;
    const rollouts = (await withFile(rolloutsPath(this.#directory), (file) => file.size())) ?? 0;
    if (this.#events <= events && this.#rollouts <= rollouts) return true;
    const [name, offset, size] =
      this.#events > events
        ? ['events.jsonl', this.#events, events]
        : ['rollouts.arrows', this.#rollouts, rollouts];
    const message = `${name} has ${size} bytes; there is nothing after byte ${offset}.`;
    await this.#fail(closeCodes.offset, message);
    return false;
  }

  async #fail(code: number, message: string): Promise<void> {
    await this.#send({ type: 'error', message });
    // A close reason holds at most 123 bytes.
    this.#socket.close(code, message.slice(0, 100));
  }

  /** One round over all that may be new; false when there was nothing. */
  async #sendSome(): Promise<boolean> {
    await this.#sendManifest();
    const events = await this.#sendEvents();
    const rollouts = await this.#sendBatch();
    return events || rollouts;
  }

  async #sendManifest(): Promise<void> {
    const { mtimeMs, ino } = await stat(manifestPath(this.#directory));
    const seen = `${mtimeMs} ${ino}`;
    if (seen === this.#manifestSeen) return;
    const manifest = await readManifest(this.#directory);
    this.#manifestSeen = seen;
    const endpoint = manifest.endpoint && { url: manifest.endpoint.url, token: '' };
    await this.#send({ type: 'manifest', manifest: { ...manifest, endpoint } });
  }

  async #sendEvents(): Promise<boolean> {
    const bytes = await withFile(eventsPath(this.#directory), async (file) => {
      const size = await file.size();
      for (let want = EVENTS_CHUNK; ; want *= 4) {
        const chunk = await file.read(this.#events, Math.min(want, size - this.#events));
        const end = chunk.lastIndexOf(10) + 1;
        if (end > 0) return chunk.subarray(0, end);
        if (chunk.length === size - this.#events) return null;
        if (want > MAX_LINE) throw new Error('a line of events.jsonl has no end');
      }
    });
    if (!bytes) return false;
    const offset = this.#events;
    const buffer = Buffer.from(bytes);
    await this.#send(
      isUtf8(buffer)
        ? { type: 'events', offset, data: buffer.toString('utf8') }
        : { type: 'events', offset, data: buffer.toString('base64'), encoding: 'base64' },
    );
    this.#events += bytes.length;
    return true;
  }

  async #sendBatch(): Promise<boolean> {
    const offset = this.#rollouts;
    const bytes = await withFile(rolloutsPath(this.#directory), async (file) => {
      const frame = await readFrame(file, offset, await file.size());
      return frame && (await file.read(offset, frame.end - offset));
    });
    if (!bytes) return false;
    await this.#write(Buffer.concat([frameHeader(offset), bytes]));
    this.#rollouts += bytes.length;
    return true;
  }

  #send(message: ServerMessage): Promise<void> {
    return this.#write(JSON.stringify(message));
  }

  /** Resolves when the network took the frame, or the viewer is gone. */
  async #write(data: string | Buffer): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', resolve);
      this.#socket.send(data, () => {
        this.#socket.off('close', resolve);
        this.#frames++;
        resolve();
      });
    });
  }
}
