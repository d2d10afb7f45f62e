import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import { STATUS_CODES, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { Follower } from './follow.ts';
import { STREAM_PATH, SUBPROTOCOL } from './model/stream.ts';
import type { Command, CommandAnswer } from './server/connection.ts';
import { Connection, MAX_FRAME } from './server/connection.ts';
import type { Refusal } from './server/guard.ts';
import { refuse, refuseProtocol } from './server/guard.ts';
import type { Routes } from './server/http.ts';
import { answer, sendError } from './server/http.ts';

export type { Command, CommandAnswer } from './server/connection.ts';
export { HttpError } from './server/http.ts';
export type { Route, RouteRequest, Routes } from './server/http.ts';

export interface ServerOptions {
  /** Carries out a command at the next safe point; a rejection is answered as a refusal. */
  onCommand?: (command: Command) => Promise<CommandAnswer>;
  /** By method and path, e.g. `POST /v1/completions`; behind the same token. */
  routes?: Routes;
  /** Made up where it isn't given. */
  token?: string;
  /** How often a silent viewer is asked whether it is still there. */
  pingMs?: number;
}

const PING_MS = 15_000;
/** How long viewers get for the rest when the engine ends. */
const FLUSH_MS = 3000;

const nobody = (): Promise<CommandAnswer> =>
  Promise.resolve({ outcome: 'refused', message: 'Nobody takes commands here.' });

/**
 * Serves a run directory on 127.0.0.1: tails its files over WebSockets, passes commands on, and
 * answers HTTP routes. It reads the directory as any viewer does, so what is slow or broken on
 * this side never reaches the writer.
 */
export class RunServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly token: string;
  readonly #directory: string;
  readonly #onCommand: (command: Command) => Promise<CommandAnswer>;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #connections = new Map<WebSocket, Connection>();
  readonly #follower: Follower;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(directory: string, options: ServerOptions, http: Server, port: number) {
    this.#directory = directory;
    this.#onCommand = options.onCommand ?? nobody;
    this.#http = http;
    this.url = `http://127.0.0.1:${port}`;
    this.token = options.token ?? randomBytes(32).toString('hex');
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_FRAME,
      perMessageDeflate: false,
      autoPong: false,
      handleProtocols: () => SUBPROTOCOL,
    });
    // Once it listens, only a single connection can fail (no file handle left, say): the others, and
    // the engine, go on.
    http.on('error', () => undefined);
    http.on('request', (request, response) => {
      const refusal = refuse(request, this.token);
      if (refusal) sendError(response, refusal.status, refusal.message);
      else void answer(options.routes ?? {}, request, response);
    });
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head);
    });
    this.#follower = new Follower(directory, {
      look: () => {
        this.notify();
        return Promise.resolve();
      },
      everyMs: () => 1000,
      restMs: 20,
    });
    this.#heartbeat = setInterval(() => {
      for (const connection of this.#connections.values()) connection.beat();
    }, options.pingMs ?? PING_MS);
    this.#heartbeat.unref();
  }

  /** Starts to listen on a free port. */
  static async start(directory: string, options: ServerOptions = {}): Promise<RunServer> {
    const http = createServer();
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(0, '127.0.0.1', resolve);
    });
    const address = http.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    return new RunServer(directory, options, http, address.port);
  }

  /** How many sockets are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Something was written: have it sent now, not when the file system tells. */
  notify(): void {
    for (const connection of this.#connections.values()) connection.notify();
  }

  /** Sends viewers the rest, closes their sockets (hard, where one is too slow) and the port. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#follower.dispose();
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    for (const connection of this.#connections.values()) connection.end();
    const late = setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.terminate();
      this.#http.closeAllConnections();
    }, FLUSH_MS);
    this.#http.closeIdleConnections();
    await closed;
    clearTimeout(late);
    this.#sockets.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const path = request.url?.split('?')[0];
    const lost = path === STREAM_PATH ? null : { status: 404, message: 'There is nothing here.' };
    const refusal = refuse(request, this.token) ?? lost ?? refuseProtocol(request);
    if (refusal) {
      refuseUpgrade(socket, refusal);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      this.#connections.set(ws, new Connection(this.#directory, ws, this.#onCommand));
      ws.once('close', () => this.#connections.delete(ws));
    });
  }
}

function refuseUpgrade(socket: Duplex, { status, message }: Refusal): void {
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
      'Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`,
    // Whoever keeps its own half open must not keep the port, and with it the engine, from closing.
    () => socket.destroy(),
  );
}
