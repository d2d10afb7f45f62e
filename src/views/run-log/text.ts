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
    // A progress bar may go on for hours without a line break.
    this.#rest = lastWritten(all.slice(end));
    return all.slice(0, end).split('\n').map(lastWritten).join('\n');
  }
}

/** What stays of a line: a `\r` at its end belongs to the line break, any other begins it anew. */
function lastWritten(line: string): string {
  const end = line.endsWith('\r') ? line.length - 1 : line.length;
  return line.slice(line.slice(0, end).lastIndexOf('\r') + 1);
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
