/**
 * Random numbers without a state: uniform in [0, 1), a function of four integers. So a draw
 * depends on what it is for (run seed, step, segment, position), and on nothing that was drawn
 * before it or beside it.
 *
 * Each word goes through MurmurHash3's 32-bit mix and finaliser; two lanes make 53 bits.
 */
export function uniform(seed: number, step: number, segment: number, position: number): number {
  const high = lane(0x9e3779b9, seed, step, segment, position);
  const low = lane(0x85ebca6b, seed, step, segment, position);
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) / 0x20000000000000;
}

function lane(start: number, ...words: number[]): number {
  let hash = start | 0;
  for (const word of words) {
    // Integers beyond 32 bits keep their upper part.
    hash = mix(hash, word | 0);
    hash = mix(hash, Math.floor(word / 0x100000000) | 0);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = hash ^ Math.imul(k, 0x1b873593);
  return Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64;
}
