/** What a log says, as it is shown. */

/**
 * Puts together what is read in pieces: only whole lines come out, and of a line that was written
 * over and over (a progress bar), the last.
 */
export class LogLines {
  #rest = '';

  push(text: string): string {
    const all = this.#rest + text;
    const end = all.lastIndexOf('\n') + 1;
    this.#rest = all.slice(end);
    return all.slice(0, end).replace(/[^\n]*\r(?!\n)/g, '');
  }
}

/** A step that a line speaks of. Offsets count UTF-16 code units of the whole text. */
export interface StepMention {
  step: number;
  from: number;
  to: number;
}

export function stepMentions(text: string): StepMention[] {
  return [...text.matchAll(/\bstep (\d{1,9})(?:\/\d+)?\b/gi)].map((match) => ({
    step: Number(match[1]),
    from: match.index,
    to: match.index + match[0].length,
  }));
}
