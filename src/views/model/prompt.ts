import type { PromptGroup } from '../../run/groups.ts';

/** Prompts in a line each, and which of them somebody looks for. */

type Prompt = Pick<PromptGroup, 'prompt' | 'prompt_id'>;

/** Longest title a row carries; the row is one line anyway. */
const TITLE_LENGTH = 300;

/** One line: runs of white space and control characters become one space. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}

/**
 * What all texts begin with, cut back to the end of a word or line; '' where that is too little to
 * be worth hiding. Prompts of one run share their template and system prompt.
 */
export function sharedStart(texts: readonly string[]): string {
  const first = texts[0];
  if (first === undefined || texts.length < 2) return '';
  let length = first.length;
  for (const text of texts) {
    let i = 0;
    while (i < length && text.charCodeAt(i) === first.charCodeAt(i)) i += 1;
    length = i;
  }
  const start = first.slice(0, length).replace(/\S+$/u, '');
  return start.length >= 24 && texts.every((text) => text.length > start.length) ? start : '';
}

/** @param start what the prompts of the list all begin with: that is left out */
export function titleOf({ prompt, prompt_id }: Prompt, start: string): string {
  const rest = start !== '' && prompt.startsWith(start) ? prompt.slice(start.length) : prompt;
  // Cut before tidying: a prompt may be a book.
  const title = oneLine(rest.slice(0, 4 * TITLE_LENGTH)).slice(0, TITLE_LENGTH);
  return title === '' ? prompt_id : title;
}

/** Case doesn't matter; every word has to occur in the prompt or its id. */
export function finderOf(query: string): (prompt: Prompt) => boolean {
  const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
  return ({ prompt, prompt_id }) => {
    if (words.length === 0) return true;
    const text = `${prompt_id} ${prompt}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}
