import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyValueCache, type CachedPath } from '../../../../src/engine/compute/cache.ts';
import { parseModelConfig, type ModelConfig } from '../../../../src/engine/compute/config.ts';
import { uniform } from '../../../../src/engine/compute/random.ts';

interface Shape {
  layers: number;
  heads: number;
  groups: number;
  width: number;
}

function configOf({ layers, heads, groups, width }: Shape): ModelConfig {
  return parseModelConfig(
    {
      model_type: 'llama',
      vocab_size: 10,
      hidden_size: heads * width,
      intermediate_size: 8,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: groups,
      head_dim: width,
    },
    'config.json',
  );
}

/** Queries, keys and values of one position, before rotation; a function of all its numbers. */
function projectedOf(shape: Shape, name: number, layer: number, position: number): number[] {
  const size = (shape.heads + 2 * shape.groups) * shape.width;
  return Array.from({ length: size }, (_, i) => 4 * uniform(name, layer, position, i) - 2);
}

function rotate(values: readonly number[], position: number, theta = 10000): number[] {
  const half = values.length / 2;
  return values.map((value, i) => {
    const angle = position * theta ** (-(i % half) / half);
    const other = i < half ? -(values[i + half] ?? NaN) : (values[i - half] ?? NaN);
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** Attention as the textbook has it: of the last of `history`, over all of it. */
function plainAttention(shape: Shape, history: readonly number[][]): number[] {
  const { heads, groups, width } = shape;
  const part = (row: readonly number[], at: number) => row.slice(at * width, (at + 1) * width);
  return Array.from({ length: heads }, (_, head) => {
    const group = Math.floor(head / (heads / groups));
    const last = history.length - 1;
    const query = rotate(part(history[last] ?? [], head), last);
    const weights = history.map((row, position) => {
      const key = rotate(part(row, heads + group), position);
      const product = key.reduce((sum, value, i) => sum + value * (query[i] ?? NaN), 0);
      return Math.exp(product / Math.sqrt(width));
    });
    const total = weights.reduce((a, b) => a + b, 0);
    return Array.from({ length: width }, (_, i) =>
      history.reduce((sum, row, position) => {
        const value = part(row, heads + groups + group)[i] ?? NaN;
        return sum + ((weights[position] ?? NaN) / total) * value;
      }, 0),
    );
  }).flat();
}

/** A cache and, beside it, everything that was ever put on each path. */
class Twin {
  readonly cache: KeyValueCache;
  readonly #shape: Shape;
  readonly #histories = new Map<CachedPath, number[]>();
  #names = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.cache = new KeyValueCache(configOf(shape));
  }

  start(): CachedPath {
    const path = { length: 0, pages: [] };
    this.#histories.set(path, []);
    return path;
  }

  fork(from: CachedPath, length: number): CachedPath {
    const path = this.cache.fork(from, length);
    this.#histories.set(path, (this.#histories.get(from) ?? []).slice(0, length));
    return path;
  }

  /** Puts a new position on every path and compares what comes out, layer by layer. */
  step(paths: readonly CachedPath[], idle = 0): void {
    const rows = paths.map((path) => {
      const history = this.#histories.get(path) ?? [];
      history.push(this.#names++);
      return [...history];
    });
    this.cache.extend(paths);
    for (let layer = 0; layer < this.#shape.layers; layer++) {
      const project = (name: number, position: number) =>
        projectedOf(this.#shape, name, layer, position);
      const last = rows.map((row) => project(row.at(-1) ?? 0, row.length - 1));
      const size = (this.#shape.heads + 2 * this.#shape.groups) * this.#shape.width;
      const input = new Float32Array((paths.length + idle) * size);
      input.set(last.flat());
      const found = this.cache.attend(layer, input);
      const width = this.#shape.heads * this.#shape.width;
      assert.equal(found.length, (paths.length + idle) * width);
      rows.forEach((row, at) => {
        plainAttention(this.#shape, row.map(project)).forEach((value, i) => {
          const own = found[at * width + i] ?? NaN;
          assert.ok(Math.abs(own - value) < 1e-5, `layer ${layer}, row ${at}: ${own}, ${value}`);
        });
      });
      assert.ok(found.subarray(paths.length * width).every((value) => value === 0));
    }
  }
}

for (const shape of [
  { layers: 1, heads: 1, groups: 1, width: 2 },
  { layers: 2, heads: 4, groups: 2, width: 6 },
  { layers: 2, heads: 4, groups: 2, width: 24 },
  { layers: 1, heads: 3, groups: 1, width: 40 },
  { layers: 1, heads: 10, groups: 2, width: 16 },
]) {
  const { heads, groups, width } = shape;
  test(`attention over pages is attention (${heads} heads, ${groups} groups of ${width})`, () => {
    const twin = new Twin(shape);
    twin.cache.reset(8, 40);
    const [a, b] = [twin.start(), twin.start()];
    for (let i = 0; i < 20; i++) twin.step(i < 7 ? [a] : [a, b], i % 3);
    // In the middle of a page, at its very end, and just after it; the first path goes on.
    const forks = [3, 16, 17, 20].map((length) => twin.fork(a, length));
    for (let i = 0; i < 18; i++) twin.step([a, ...forks]);
    twin.step([b, twin.fork(forks[2] ?? a, 30)]);
  });
}

test('several positions of one path may come at once', () => {
  const shape = { layers: 2, heads: 2, groups: 1, width: 8 };
  const twin = new Twin(shape);
  twin.cache.reset(8, 32);
  const [a, b] = [twin.start(), twin.start()];
  twin.step([a, a, a, b, b]);
  twin.step([b, a, b, a, b, a, b, a]);
  for (let i = 0; i < 3; i++) twin.step([a, a, a, a, a, b, b]);
});

test('a round forgets what the rounds before it have left, whatever their size', () => {
  const shape = { layers: 1, heads: 2, groups: 1, width: 6 };
  const twin = new Twin(shape);
  for (const [rows, span] of [
    [4, 100],
    [8, 16],
    [2, 33],
  ] as const) {
    twin.cache.reset(rows, span);
    const paths = Array.from({ length: rows }, () => twin.start());
    // What was broken once must not come back.
    const poison = new Float32Array(rows * 4 * 6).fill(NaN);
    twin.cache.extend(Array.from({ length: rows }, () => ({ length: 0, pages: [] })));
    twin.cache.attend(0, poison);
    for (let i = 0; i < Math.min(span, 34); i++) twin.step(paths);
  }
});

test('more rows than were prepared for, and forks beyond an end, are refused', () => {
  const twin = new Twin({ layers: 1, heads: 1, groups: 1, width: 4 });
  twin.cache.reset(1, 16);
  const path = twin.start();
  assert.throws(() => twin.cache.extend([path, path]), /more rows/);
  twin.step([path]);
  assert.throws(() => twin.cache.fork(path, 2), /has not come/);
});
