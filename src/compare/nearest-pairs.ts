/** All places of the two lists that are the same and have no partner yet. */
interface Point {
  at: number;
  /** Which entries of each list lie here, the first at the end. */
  waiting: readonly [number[], number[]];
  before: Point | null;
  after: Point | null;
}

/** Two entries that may become a pair. */
interface Candidate {
  distance: number;
  points: readonly [Point, Point];
  entries: readonly [number, number];
}

/**
 * Pairs by distance, the nearest first, each entry once; of equally near ones those that come first
 * on the left, then on the right. As many pairs as the shorter list has entries.
 *
 * The nearest two always lie at one point or at neighbouring ones, so only those are looked at:
 * n log n steps for n entries.
 *
 * @param left where the entries of one side lie
 * @param right where those of the other lie
 * @returns which entry of the left with which of the right
 */
export function nearestPairs(
  left: readonly number[],
  right: readonly number[],
): (readonly [number, number])[] {
  const candidates: Candidate[] = [];
  const consider = (x: Point | null, y: Point | null): void => {
    const [i, j] = [x?.waiting[0].at(-1), y?.waiting[1].at(-1)];
    if (!x || !y || i === undefined || j === undefined) return;
    const distance = Math.abs(x.at - y.at);
    push(candidates, { distance, points: [x, y], entries: [i, j] });
  };
  const considerAround = (point: Point): void => {
    const { before, after } = point;
    consider(point, point);
    for (const other of [before, after]) {
      consider(point, other);
      consider(other, point);
    }
  };
  for (const point of pointsOf(left, right)) considerAround(point);

  const pairs: (readonly [number, number])[] = [];
  for (let best = pop(candidates); best !== null; best = pop(candidates)) {
    const { points, entries } = best;
    const [ours, theirs] = [points[0].waiting[0], points[1].waiting[1]];
    // One of them found a partner since.
    if (ours.at(-1) !== entries[0] || theirs.at(-1) !== entries[1]) continue;
    ours.pop();
    theirs.pop();
    pairs.push(entries);
    for (const point of new Set(points)) {
      if (point.waiting.some(({ length }) => length > 0)) {
        considerAround(point);
        continue;
      }
      const { before, after } = point;
      if (before !== null) before.after = after;
      if (after !== null) after.before = before;
      consider(before, after);
      consider(after, before);
    }
  }
  return pairs;
}

/** The points where something lies, each linked with its neighbours. */
function pointsOf(...sides: readonly [readonly number[], readonly number[]]): Point[] {
  const points = new Map<number, Point>();
  for (const side of [0, 1] as const) {
    for (const [entry, at] of [...sides[side].entries()].reverse()) {
      const point = points.get(at) ?? { at, waiting: [[], []], before: null, after: null };
      points.set(at, point);
      point.waiting[side].push(entry);
    }
  }
  const inOrder = [...points.values()].sort((x, y) => x.at - y.at);
  for (const [i, point] of inOrder.entries()) {
    point.before = inOrder[i - 1] ?? null;
    point.after = inOrder[i + 1] ?? null;
  }
  return inOrder;
}

function comesBefore(x: Candidate, y: Candidate): boolean {
  if (x.distance !== y.distance) return x.distance < y.distance;
  if (x.entries[0] !== y.entries[0]) return x.entries[0] < y.entries[0];
  return x.entries[1] < y.entries[1];
}

// A binary heap: entry i comes before entries 2i + 1 and 2i + 2.

function push(heap: Candidate[], candidate: Candidate): void {
  let place = heap.length;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !comesBefore(candidate, parent)) break;
    heap[place] = parent;
    place = above;
  }
  heap[place] = candidate;
}

function pop(heap: Candidate[]): Candidate | null {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined) return null;
  if (heap.length === 0) return first;
  let place = 0;
  for (;;) {
    let below = 2 * place + 1;
    const [one, other] = [heap[below], heap[below + 1]];
    if (one !== undefined && other !== undefined && comesBefore(other, one)) below += 1;
    const child = heap[below];
    if (child === undefined || !comesBefore(child, last)) break;
    heap[place] = child;
    place = below;
  }
  heap[place] = last;
  return first;
}
