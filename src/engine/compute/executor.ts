import { Decoder } from './decoder.ts';
import { weightLayout } from './layout.ts';
import { adamwStep } from './optimizer.ts';
import type { SharedModel, WeightsVersion, WorkerAnswers, WorkerTask } from './protocol.ts';
import { Replica } from './replica.ts';

/** Does what a worker is asked: one thread's part of every computation. */
export class Executor {
  readonly #index: number;
  readonly #model: SharedModel;
  readonly #replica: Replica;
  #loaded = '';
  #decoder: Decoder | null = null;

  constructor(index: number, model: SharedModel) {
    this.#index = index;
    this.#model = model;
    this.#replica = new Replica(model.config);
  }

  execute(call: WorkerTask): WorkerAnswers[keyof WorkerAnswers] {
    switch (call.task) {
      case 'gradients': {
        this.#load(call.weights);
        return this.#replica.gradients(call.chunks, call.scalars, this.#gradient);
      }
      case 'values':
        this.#load(call.weights);
        return call.chunks.map((chunk) => this.#replica.values(chunk, call.temperature));
      case 'update': {
        const { config, weights, gradients, exp_avg, exp_avg_sq } = this.#model;
        const state = { exp_avg, exp_avg_sq, step: call.step };
        return adamwStep(weights, gradients, state, weightLayout(config).places, call.options);
      }
      case 'begin_round':
        this.#load(call.weights);
        this.#decoder = new Decoder(this.#replica, call.settings);
        return null;
      case 'tick':
        if (!this.#decoder) throw new Error('no round was begun');
        return this.#decoder.tick(call.requests);
      case 'end_round': {
        if (!this.#decoder) throw new Error('no round was begun');
        const { costs } = this.#decoder;
        this.#decoder = null;
        return costs;
      }
    }
  }

  get #gradient(): Float32Array {
    const gradient = this.#model.gradients[this.#index];
    if (!gradient) throw new Error(`no gradient buffer ${this.#index}`);
    return gradient;
  }

  /** Brings this thread's copy of the weights up to date. */
  #load({ source, version }: WeightsVersion): void {
    const key = `${source} ${version}`;
    if (key === this.#loaded) return;
    const weights = source === 'policy' ? this.#model.weights : this.#model.reference;
    if (!weights) throw new Error('there is no reference policy');
    this.#replica.load(weights);
    this.#loaded = key;
  }
}
