import { defaultDevice, init } from '@jax-js/jax';

let ready: Promise<void> | undefined;

/** Starts the tensor library's WebAssembly backend, once a thread. */
export function startBackend(): Promise<void> {
  ready ??= init('wasm').then(() => {
    defaultDevice('wasm');
  });
  return ready;
}
