import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SUBPROTOCOL } from '../model/stream.ts';

/**
 * Who may talk to the engine: a process on this machine that knows the token. A page in a browser
 * may not, whatever it knows: it always sends `Origin`, and a name that was rebound to 127.0.0.1
 * shows in `Host`.
 */

/** Why a request is turned away. */
export interface Refusal {
  status: number;
  message: string;
}

const localNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Of any port: through an SSH tunnel the port that the client sees is another one. */
function isLocal(host: string | undefined): boolean {
  return host !== undefined && localNames.has(host.replace(/:\d+$/, '').toLowerCase());
}

/** Compares in a time that depends on neither secret. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Checks what every request must have; null where it may pass. */
export function refuse(request: IncomingMessage, token: string): Refusal | null {
  if (!isLocal(request.headers.host)) {
    return { status: 403, message: 'This server answers to 127.0.0.1 and localhost only.' };
  }
  if (request.headers.origin !== undefined) {
    return { status: 403, message: 'Web pages may not talk to this server.' };
  }
  const [, given] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (given === undefined || !sameSecret(given, token)) {
    return { status: 401, message: 'The token is missing or wrong.' };
  }
  return null;
}

/** Checks a WebSocket's subprotocol; null where it is ours. */
export function refuseProtocol(request: IncomingMessage): Refusal | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  if (offered.some((each) => each.trim() === SUBPROTOCOL)) return null;
  return { status: 400, message: `This server speaks the subprotocol ${SUBPROTOCOL} only.` };
}
