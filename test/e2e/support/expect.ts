import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until `look` gives a value that `accept` takes, and returns it; otherwise throws with the
 * last one that was seen.
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  accept: (value: T) => boolean,
  patienceMs = 30_000,
): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await look();
    if (accept(value)) return value;
    if (Date.now() > end) {
      const seen = JSON.stringify(value);
      throw new Error(`After ${patienceMs / 1000} s ${what} is still ${seen}.`);
    }
    await delay(200);
  }
}
