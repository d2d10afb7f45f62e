import { basename, extname } from 'node:path';

/** What a run is called unless its recipe says otherwise: as the recipe's file. */
export const nameOfRecipe = (path: string): string => basename(path, extname(path));

/** Name of a new run's directory: `<recipe>-<YYYYMMDD-HHMMSS>`, local time. */
export function newDirectoryName(recipePath: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return `${nameOfRecipe(recipePath)}-${day}-${time}`;
}
