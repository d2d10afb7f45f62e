import { defaultDevice, init } from '@jax-js/jax';

let ready: Promise<void> | undefined;

/** Starts the tensor library's WebAssembly backend, once a thread. */
export function startBackend(): Promise<void> {
  ready ??= init('wasm').then(() => {
    defaultDevice('wasm');
    reuseInstances();
  });
  return ready;
}

/**
 * The library makes a new instance of a kernel's module for every call, some hundred times a
 * training step: a tenth of the time. A kernel has no state but the memory it is given, so the
 * first instance serves every call with the same memory. Affects this thread only.
 */
function reuseInstances(): void {
  const api: unknown = Reflect.get(globalThis, 'WebAssembly');
  if (typeof api !== 'object' || api === null) return;
  const Instance: unknown = Reflect.get(api, 'Instance');
  if (typeof Instance !== 'function') return;
  const instances = new WeakMap<object, { memory: unknown; instance: object }>();
  const reusing = new Proxy(Instance, {
    construct(target, args: [object, { env?: { memory?: unknown } }?]): object {
      const [module, imports] = args;
      const memory = imports?.env?.memory;
      const known = instances.get(module);
      if (known && memory !== undefined && known.memory === memory) return known.instance;
      const instance: unknown = Reflect.construct(target, args);
      if (typeof instance !== 'object' || instance === null) throw new Error('no instance');
      instances.set(module, { memory, instance });
      return instance;
    },
  });
  Reflect.set(api, 'Instance', reusing);
}
