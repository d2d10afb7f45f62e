/**
 * An error a person reads: what happened in a plain sentence, and what to do next.
 * The detail for the log travels in `cause`.
 */
export class PlainError extends Error {
  /** What to do next, a plain sentence. */
  readonly next: string;

  constructor(message: string, next: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PlainError';
    this.next = next;
  }
}

/** The sentence to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
