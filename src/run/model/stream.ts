import { z } from 'zod';
import { commandNames } from './events.ts';
import { manifestSchema } from './manifest.ts';

/**
 * The stream's messages, both directions. One WebSocket, subprotocol `adaptive-grpo.v1`, on
 * 127.0.0.1, opened with `Authorization: Bearer <token>`.
 *
 * The client's first message is `subscribe` with the bytes it already holds; the server then sends
 * what follows in both files and goes on as they grow. Text frames are JSON (`ServerMessage`);
 * whole Arrow messages travel as binary frames: 8 bytes little-endian offset (`frameHeader`), then the
 * bytes.
 */
export const SUBPROTOCOL = 'adaptive-grpo.v1';
/** Where the WebSocket is, below the endpoint's `http://127.0.0.1:PORT`. */
export const STREAM_PATH = '/stream';

/** Why the server closed the socket. */
export const closeCodes = {
  /** The engine ends; all there was has been sent. */
  ended: 1001,
  /** A message that is none of ours. */
  message: 1008,
  /** The client holds bytes that this run doesn't have. */
  offset: 4000,
  /** The server can't read the run. */
  trouble: 4001,
} as const;

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const clientMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('subscribe'),
    /** Bytes of `events.jsonl` and `rollouts.arrows` the client has. */
    events: z.number().int().nonnegative(),
    rollouts: z.number().int().nonnegative(),
  }),
  z.object({
    type: z.literal('command'),
    /** Chosen by the client; comes back in the answer and in `events.jsonl`. */
    id: z.string().min(1).max(100),
    command: z.enum(commandNames),
    /** `set`: the recipe keys to change. `step`: `{count}` optimizer steps, then pause. */
    args: z.record(z.string(), value).default({}),
  }),
]);
export type ClientMessage = z.infer<typeof clientMessage>;

export const serverMessage = z.discriminatedUnion('type', [
  /** Whole lines of `events.jsonl`, starting at byte `offset`. */
  z.object({
    type: z.literal('events'),
    offset: z.number().int().nonnegative(),
    data: z.string(),
    /** Set where the lines are no valid UTF-8: text would not hold the same bytes. */
    encoding: z.literal('base64').optional(),
  }),
  /** `run.json` as it is now, without its endpoint's token; sent first and on every change. */
  z.object({ type: z.literal('manifest'), manifest: manifestSchema }),
  z.object({
    type: z.literal('answer'),
    id: z.string(),
    outcome: z.enum(['applied', 'refused']),
    message: z.string(),
  }),
  z.object({ type: z.literal('error'), message: z.string() }),
]);
export type ServerMessage = z.infer<typeof serverMessage>;

/** Bytes before the Arrow message in a binary frame. */
export const FRAME_HEADER = 8;

/** The head of a binary frame: the offset of its Arrow message in `rollouts.arrows`. */
export function frameHeader(offset: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(offset), true);
  return bytes;
}

/** The offset a binary frame begins with; NaN where it is too short to have one. */
export function frameOffset(frame: Uint8Array): number {
  if (frame.length < FRAME_HEADER) return NaN;
  return Number(new DataView(frame.buffer, frame.byteOffset).getBigUint64(0, true));
}

/** The one line an engine prints on stdout when it can be reached. */
export const readyLine = z.object({
  type: z.literal('ready'),
  url: z.string(),
  token: z.string(),
  run_directory: z.string(),
  pid: z.number().int(),
});
export type ReadyLine = z.infer<typeof readyLine>;

/** What it prints instead when it can't start, before it ends with exit code 1 or 2. */
export const failedLine = z.object({
  type: z.literal('failed'),
  /** A plain sentence. */
  message: z.string(),
  /** What to do next, a plain sentence. */
  next: z.string(),
});
export type FailedLine = z.infer<typeof failedLine>;
