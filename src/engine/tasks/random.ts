import { uniform } from '../compute/random.ts';

/**
 * Random numbers for generated problems: (stream, seed, index) names a whole sequence, so problem
 * `index` of a seed is the same on every machine, in whatever order problems are asked for.
 */
export class Random {
  private readonly key: readonly [number, number, number];
  private drawn = 0;

  constructor(stream: number, seed: number, index: number) {
    this.key = [stream, seed, index];
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.drawn += 1;
    return uniform(...this.key, this.drawn);
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
