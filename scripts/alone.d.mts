/**
 * Runs `work` while no other process of this machine runs work under the same lock folder. Waits
 * for the other one; a lock whose owner is dead is taken over.
 */
export function alone<T>(
  lockFolder: string,
  work: () => T | Promise<T>,
  waiting?: () => void,
): Promise<T>;
/** Whether a process of this number lives. */
export function isAlive(pid: number): boolean;
