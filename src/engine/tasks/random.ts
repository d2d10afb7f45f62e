/**
 * Seeded pseudo random numbers for generated problems: a short key of integers (seed, index, …)
 * names a whole sequence, so problem `i` of a seed is the same on every machine, in any order.
 */
export class Random {
  private state: number;

  constructor(...key: number[]) {
    // FNV-1a over the key's 32-bit words, then mulberry32's own mixing below.
    let hash = 0x811c9dc5;
    for (const word of key) {
      for (const part of [word | 0, Math.floor(word / 2 ** 32) | 0]) {
        hash = Math.imul(hash ^ part, 0x01000193);
        hash ^= hash >>> 15;
      }
    }
    this.state = hash | 0;
  }

  /** Uniform in [0, 1), 32 bits: mulberry32 (Tommy Ettinger, public domain). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform integer in [from, to], both ends included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** The same items in a random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.next() }));
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  }
}

/** 32-bit hash of a string (FNV-1a with a final mix): what splits held-out from training. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
