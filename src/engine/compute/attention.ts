import {
  add,
  add4,
  addFloats,
  addInts,
  assemble,
  bump,
  divideFloats,
  float,
  get,
  int,
  lane,
  least,
  loadInt,
  load4,
  loadSplat,
  Locals,
  max4,
  maxFloat,
  multiply,
  multiply4,
  nearest4,
  set,
  shiftInts,
  splat,
  splatInt,
  store4,
  storeFloat,
  subtract4,
  truncate4,
  whileBelow,
  type Code,
} from './wasm.ts';

/** Positions a page of keys and values holds. */
export const PAGE = 16;

export interface AttentionShape {
  /** K: key/value heads. */
  groups: number;
  /** G: query heads a key/value head. */
  heads: number;
  /** E: a head's width, rounded up to a multiple of 4. */
  width: number;
  /** Bytes between the scores of two heads. */
  scores: number;
}

/**
 * Bytes of one head's keys in a page, `[E, PAGE]`; its values follow, `[PAGE, E]`. Both are laid
 * out so that whole vectors are read and nothing has to be summed across a vector.
 */
export function pageBytes({ width }: Pick<AttentionShape, 'width'>): number {
  return width * PAGE * 4;
}

/**
 * The attention of single positions over pages of keys and values, as a WebAssembly module: the
 * tensor library has no update in place, and would write the whole cache anew at every token.
 *
 * Its `run(rows, query, out, scores, table, stride, block)` takes addresses and sizes in bytes:
 *
 * - `query`, `out`: `[rows, K, G, E]`; queries are rotated and scaled
 * - `scores`: space for G · `scores` bytes
 * - `table`: for each row, `stride` bytes: how many positions it sees, then its pages' addresses
 * - `block`: where a layer's heads begin in a page, each with its keys and values
 */
export function attentionModule(shape: AttentionShape): Uint8Array<ArrayBuffer> {
  const locals = new Locals();
  const [rows = 0, query = 0, out = 0, scores = 0, table = 0, stride = 0, block = 0] = locals.many(
    'i32',
    7,
  );
  const [row = 0, group = 0, head = 0, positions = 0] = locals.many('i32', 4);
  const work = declareWork(locals, scores);
  const { groups, heads, width } = shape;
  const pairs: Code[] = [];
  for (let first = 0; first < heads; first += 2) {
    const members = Array.from({ length: Math.min(2, heads - first) }, (_, i) => first + i);
    const at = { shape, work, members, query, out, table, head, positions };
    pairs.push(scoreHeads(at), softmaxHeads(at), mixHeads(at));
  }
  const advance = heads * width * 4;
  const body = whileBelow(row, get(rows), [
    set(positions, loadInt(get(table), 0)),
    set(head, get(block)),
    set(group, int(0)),
    whileBelow(group, int(groups), [
      ...pairs,
      bump(query, int(advance)),
      bump(out, int(advance)),
      bump(head, int(2 * pageBytes(shape))),
      bump(group, int(1)),
    ]),
    bump(table, get(stride)),
    bump(row, int(1)),
  ]);
  return assemble(7, locals, body);
}

/** Local variables that every pair of heads uses anew. */
function declareWork(locals: Locals, scores: number) {
  const [at = 0, end = 0, page = 0, pointer = 0, score = 0, step = 0] = locals.many('i32', 6);
  const [highest = 0, x = 0, n = 0, total = 0] = locals.many('v128', 4);
  return {
    ...{ scores, at, end, page, pointer, score, step, highest, x, n, total },
    loaded: locals.many('v128', 4),
    sums: [locals.many('v128', 4), locals.many('v128', 4)],
    inverse: locals.many('v128', 2),
  };
}

interface Heads {
  shape: AttentionShape;
  work: ReturnType<typeof declareWork>;
  /** Query heads of the group that are computed together, one or two: they share what is loaded. */
  members: readonly number[];
  query: number;
  out: number;
  table: number;
  head: number;
  positions: number;
}

const zero = splat(float(0));

/** Goes through the pages of a row, `pointer` at the head's keys (or values), `at` at a position. */
function eachPage({ work, table, head, positions }: Heads, skip: number, body: Code[]): Code {
  const { at, page, pointer } = work;
  return [
    ...set(at, int(0)),
    ...set(page, get(table)),
    ...whileBelow(at, get(positions), [
      bump(page, int(4)),
      set(pointer, add(add(loadInt(get(page), 0), get(head)), int(skip))),
      ...body,
    ]),
  ];
}

/** Products of queries and keys, a page's positions at a time. */
function scoreHeads(heads: Heads): Code {
  const { shape, work, members, query, positions } = heads;
  const { scores, at, pointer, score, step, loaded, sums } = work;
  // Four of a head's numbers a turn.
  const turn = [0, 1, 2, 3].flatMap((i) => [
    ...loaded.map((key, j) => set(key, load4(get(pointer), (i * PAGE + j * 4) * 4))),
    ...members.flatMap((member, h) =>
      loaded.map((key, j) => {
        const factor = loadSplat(get(step), (member * shape.width + i) * 4);
        const sum = sums[h]?.[j] ?? 0;
        return set(sum, add4(get(sum), multiply4(factor, get(key))));
      }),
    ),
  ]);
  const end = work.end;
  return [
    ...set(score, get(scores)),
    ...eachPage(heads, 0, [
      ...members.flatMap((_, h) => (sums[h] ?? []).map((sum) => set(sum, zero))),
      set(step, get(query)),
      set(end, add(get(query), int(shape.width * 4))),
      whileBelow(step, get(end), [...turn, bump(pointer, int(4 * PAGE * 4)), bump(step, int(16))]),
      ...members.flatMap((_, h) =>
        (sums[h] ?? []).map((sum, j) => store4(get(score), h * shape.scores + j * 16, get(sum))),
      ),
      bump(score, int(PAGE * 4)),
      bump(at, int(PAGE)),
    ]),
    // What the last page holds beyond the row's positions is not seen.
    ...set(end, get(at)),
    ...set(at, get(positions)),
    ...set(score, add(get(scores), multiply(get(positions), int(4)))),
    ...whileBelow(at, get(end), [
      ...members.map((_, h) => storeFloat(add(get(score), int(h * shape.scores)), float(-1e30))),
      bump(score, int(4)),
      bump(at, int(1)),
    ]),
  ];
}

/** Exponentials in place of the scores, and the inverse of their sum. */
function softmaxHeads({ shape, work, members, positions }: Heads): Code {
  const { scores, at, score, highest, x, n, total, inverse } = work;
  const across = (of: Code, combine: (a: Code, b: Code) => Code): Code =>
    combine(combine(lane(of, 0), lane(of, 1)), combine(lane(of, 2), lane(of, 3)));
  const all = (h: number, body: Code[]): Code => [
    ...set(at, int(0)),
    ...set(score, add(get(scores), int(h * shape.scores))),
    ...whileBelow(at, get(positions), [...body, bump(score, int(16)), bump(at, int(4))]),
  ];
  return members.flatMap((_, h) => [
    ...set(highest, splat(float(-1e30))),
    ...all(h, [set(highest, max4(get(highest), load4(get(score), 0)))]),
    ...set(highest, splat(across(get(highest), maxFloat))),
    ...set(total, zero),
    ...all(h, [
      ...exponential(x, n, subtract4(load4(get(score), 0), get(highest))),
      store4(get(score), 0, get(x)),
      set(total, add4(get(total), get(x))),
    ]),
    ...set(inverse[h] ?? 0, splat(divideFloats(float(1), across(get(total), addFloats)))),
  ]);
}

/** Sets `x` to e to the power of a vector of numbers of at most 0: Cephes' `expf`. */
function exponential(x: number, n: number, of: Code): Code[] {
  const constant = (value: number) => splat(float(value));
  const polynomial = [
    1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
    5.0000001201e-1, 1, 1,
  ].reduce<Code>(
    (sum, value) =>
      sum.length === 0 ? constant(value) : add4(multiply4(sum, get(x)), constant(value)),
    [],
  );
  const power = shiftInts(addInts(truncate4(get(n)), splatInt(int(127))), int(23));
  return [
    set(x, max4(of, constant(-87))),
    set(n, nearest4(multiply4(get(x), constant(Math.LOG2E)))),
    // ln 2 in two parts, the first of few digits, so that the remainder is exact.
    set(x, subtract4(get(x), multiply4(get(n), constant(0.693359375)))),
    set(x, subtract4(get(x), multiply4(get(n), constant(-2.1219444e-4)))),
    set(x, multiply4(polynomial, power)),
  ];
}

/** The values, weighted with the scores. */
function mixHeads(heads: Heads): Code {
  const { shape, work, members, out, positions } = heads;
  const { scores, at, end, pointer, score, loaded, sums, inverse } = work;
  const blocks: Code[] = [];
  for (let first = 0; first < shape.width; first += 16) {
    const vectors = loaded.slice(0, Math.min(4, (shape.width - first) / 4));
    const position = [
      ...vectors.map((value, j) => set(value, load4(get(pointer), (first + j * 4) * 4))),
      ...members.flatMap((_, h) =>
        vectors.map((value, j) => {
          const sum = sums[h]?.[j] ?? 0;
          const weight = loadSplat(get(score), h * shape.scores);
          return set(sum, add4(get(sum), multiply4(weight, get(value))));
        }),
      ),
      bump(pointer, int(shape.width * 4)),
      bump(score, int(4)),
      bump(at, int(1)),
    ];
    blocks.push([
      ...members.flatMap((_, h) => vectors.flatMap((_, j) => set(sums[h]?.[j] ?? 0, zero))),
      ...set(score, get(scores)),
      ...eachPage(heads, pageBytes(shape), [
        set(end, least(add(get(at), int(PAGE)), get(positions))),
        whileBelow(at, get(end), position),
      ]),
      ...members.flatMap((member, h) =>
        vectors.flatMap((_, j) =>
          store4(
            get(out),
            (member * shape.width + first + j * 4) * 4,
            multiply4(get(sums[h]?.[j] ?? 0), get(inverse[h] ?? 0)),
          ),
        ),
      ),
    ]);
  }
  return blocks.flat();
}
