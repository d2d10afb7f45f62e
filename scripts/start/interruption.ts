/**
 * Aborts on the first Ctrl-C (or a request of the system to end). A terminal and npm may both pass
 * on the same Ctrl-C, so only one that comes a while later is impatience and ends the script.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let since = Infinity;
  const interrupt = (): void => {
    if (Date.now() - since > 2000) process.exit(130);
    if (controller.signal.aborted) return;
    since = Date.now();
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  return controller.signal;
}

/** Resolves when the signal says so. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}
