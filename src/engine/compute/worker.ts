import { parentPort } from 'node:worker_threads';
import { PlainError } from '../../common/errors.ts';
import { startBackend } from './backend.ts';
import { Executor } from './executor.ts';
import type { WorkerCall, WorkerReply, WorkerStart } from './protocol.ts';

// The entry of a compute thread. The first message says what it works on; after that, one call
// after the other, each answered.
const port = parentPort;
if (port === null) throw new Error('this is the entry of a worker thread');
await startBackend();

port.once('message', ({ index, model }: WorkerStart) => {
  const executor = new Executor(index, model);
  port.on('message', ({ id, call }: WorkerCall) => {
    port.postMessage(answer(executor, id, call));
  });
});

function answer(executor: Executor, id: number, call: WorkerCall['call']): WorkerReply {
  try {
    return { id, ok: true, answer: executor.execute(call) };
  } catch (error) {
    const known = error instanceof Error ? error : new Error(String(error));
    const next = known instanceof PlainError ? known.next : null;
    return { id, ok: false, message: known.message, next, stack: known.stack ?? '' };
  }
}
