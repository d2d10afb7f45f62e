import { Worker } from 'node:worker_threads';
import { PlainError } from '../../common/errors.ts';
import type {
  SharedModel,
  WorkerAnswers,
  WorkerCall,
  WorkerReply,
  WorkerStart,
  WorkerTask,
} from './protocol.ts';

/** Answers by the name of the task, so that a caller gets the right type without a cast. */
type AnswerTo<T extends WorkerTask> = WorkerAnswers[T['task']];

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** A compute thread, seen from the main thread. Every call settles, also when the thread dies. */
export class ComputeThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #gone: Error | null = null;
  readonly stopped: Promise<void>;

  constructor(index: number, model: SharedModel) {
    const start: WorkerStart = { index, model };
    this.#worker = new Worker(workerEntry());
    this.#worker.postMessage(start);
    this.#worker.on('message', (reply: WorkerReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.ok) waiting?.resolve(reply.answer);
      else waiting?.reject(revive(reply));
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.stopped = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#fail(new Error(`the compute thread ended with code ${code}`));
        resolve();
      });
    });
  }

  call<T extends WorkerTask>(task: T): Promise<AnswerTo<T>> {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = this.#calls++;
    const call: WorkerCall = { id, call: task };
    return new Promise<AnswerTo<T>>((resolve, reject) => {
      // The worker answers every task with the value that `WorkerAnswers` names for it.
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage(call);
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#gone ??= new PlainError(
      'A compute thread of the engine ended.',
      'Resume the run from its last checkpoint; the log has the detail.',
      { cause: error },
    );
    for (const waiting of this.#waiting.values()) waiting.reject(this.#gone);
    this.#waiting.clear();
  }
}

/**
 * Beside this file as it is (Node runs TypeScript), or beside the bundle that this file is part of
 * (`engine.js` and `engine-worker.js`).
 */
function workerEntry(): URL {
  const bundled = !import.meta.url.endsWith('.ts');
  return new URL(bundled ? './engine-worker.js' : './worker.ts', import.meta.url);
}

function revive(reply: WorkerReply & { ok: false }): Error {
  if (reply.next !== null) return new PlainError(reply.message, reply.next);
  const error = new Error(reply.message);
  error.stack = reply.stack;
  return error;
}
