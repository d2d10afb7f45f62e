/** Accuracies as a person writes them: percents, separated by commas or blanks. */

export const targetsText = (targets: readonly number[]): string =>
  targets.map((target) => String(Number((100 * target).toFixed(2)))).join(', ');

/** Shares of 1, ascending, each once; null where something is no percentage. */
export function parseTargets(text: string): number[] | null {
  const words = text.split(/[\s,;%]+/u).filter((word) => word !== '');
  // To a hundredth of a percent: what a division leaves behind is nobody's target.
  const values = words.map((word) => Math.round(Number(word) * 100) / 1e4);
  if (values.some((value) => !(value >= 0 && value <= 1))) return null;
  return [...new Set(values)].sort((a, b) => a - b).slice(0, 20);
}
