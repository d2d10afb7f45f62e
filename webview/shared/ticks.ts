export interface Range {
  min: number;
  max: number;
}

/** Two or three round numbers between `min` and `max`, for a small axis. */
export function ticksOf({ min, max }: Range): number[] {
  const power = 10 ** Math.floor(Math.log10(max - min) - 1);
  const steps = [1, 2, 2.5, 5, 10, 20, 25, 50, 100].map((step) => step * power);
  const first = (step: number) => Math.ceil(min / step - 1e-9);
  const last = (step: number) => Math.floor(max / step + 1e-9);
  const step = steps.find((each) => last(each) - first(each) < 3) ?? max - min;
  return Array.from({ length: last(step) - first(step) + 1 }, (_, i) => (first(step) + i) * step);
}
