import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { messageOf, PlainError } from '../../common/errors.ts';
import { answerOf, referenceOf } from './answer.ts';
import { Random, hashText } from './random.ts';
import type { Problem, Task } from './task.ts';

export interface JsonlOptions {
  /** The field that holds the prompt; the answer is always in `answer`. */
  promptColumn: string;
  /** The first character the model's tokenizer has no token for, or null. */
  unknownCharacter: (text: string) => string | null;
}

interface Row {
  line: number;
  problem: Problem;
  /** `answer`, made comparable. */
  reference: string;
}

/** One prompt in this many is held out, at least one. */
const HELD_OUT_SHARE = 10;
const SHUFFLE = 5;

/**
 * Reads a JSONL file of `prompt` / `answer` objects (an `id` is used where there is one).
 * Blank lines are skipped; the first broken line ends it with a `PlainError` that names the line.
 */
export async function openJsonl(path: string, options: JsonlOptions): Promise<Task> {
  const rows = new Map<string, Row>();
  for await (const { line, text } of lines(path)) {
    const row = parseRow(path, line, text, options);
    const earlier = rows.get(row.problem.prompt);
    if (earlier === undefined) rows.set(row.problem.prompt, row);
    else if (earlier.reference !== row.reference) {
      throw broken(path, line, `it has the prompt of line ${earlier.line} with another answer`);
    }
  }
  if (rows.size < 2) {
    throw new PlainError(
      rows.size === 0 ? `${path} has no problems.` : `${path} has only one prompt.`,
      'Give it at least two different prompts: one to train on and one to hold out.',
    );
  }
  return new JsonlTask(basename(path), [...rows.values()]);
}

class JsonlTask implements Task {
  readonly name: string;
  private readonly training: readonly Problem[];
  private readonly rest: readonly Problem[];
  private readonly references: ReadonlyMap<string, string>;
  private pass: { seed: number; number: number; order: readonly Problem[] } | null = null;

  constructor(name: string, rows: readonly Row[]) {
    this.name = name;
    this.references = new Map(rows.map(({ problem, reference }) => [problem.prompt, reference]));
    // Prompts are unique here, so cutting the list in two keeps the parts disjoint. Ordered by
    // hash, the cut is the same however the lines of the file are ordered.
    const hashed = rows.map(({ problem }) => ({ problem, hash: hashText(problem.prompt) }));
    hashed.sort((a, b) => a.hash - b.hash || (a.problem.prompt < b.problem.prompt ? -1 : 1));
    const problems = hashed.map(({ problem }) => problem);
    const heldOut = Math.max(1, Math.floor(problems.length / HELD_OUT_SHARE));
    this.rest = problems.slice(0, heldOut);
    this.training = problems.slice(heldOut);
  }

  train(seed: number, index: number): Problem {
    const number = Math.floor(index / this.training.length);
    if (this.pass?.seed !== seed || this.pass.number !== number) {
      const order = new Random(SHUFFLE, seed, number).shuffled(this.training);
      this.pass = { seed, number, order };
    }
    const problem = this.pass.order[index % this.training.length];
    if (problem === undefined) throw new RangeError(`No training problem has the index ${index}.`);
    return problem;
  }

  heldOut(count: number): readonly Problem[] {
    return this.rest.slice(0, count);
  }

  verify(problem: Problem, completion: string): boolean {
    return answerOf(completion) === this.references.get(problem.prompt);
  }

  wellFormed(_problem: Problem, completion: string): boolean {
    return /#\s*[^\s#]|\\boxed\{[^{}]*[^\s{}]/.test(completion);
  }
}

/** The lines that aren't blank, with their numbers from 1. */
async function* lines(path: string): AsyncGenerator<{ line: number; text: string }> {
  let line = 0;
  let pending = '';
  const file = createReadStream(path, 'utf8');
  try {
    for await (const chunk of file) {
      const [head = '', ...more] = String(chunk).split('\n');
      pending += head;
      for (const next of more) {
        line += 1;
        if (pending.trim() !== '') yield { line, text: pending };
        pending = next;
      }
    }
    if (pending.trim() !== '') yield { line: line + 1, text: pending };
  } catch (error) {
    throw new PlainError(
      `The data set ${path} can't be read: ${messageOf(error)}`,
      'Set `dataset_name` to `arithmetic`, `countdown` or the path of a JSONL file.',
      { cause: error },
    );
  } finally {
    file.destroy();
  }
}

function parseRow(path: string, line: number, text: string, options: JsonlOptions): Row {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw broken(path, line, 'it is not JSON', error);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw broken(path, line, 'it is not a JSON object');
  }
  const fields = new Map<string, unknown>(Object.entries(json));
  const prompt = fields.get(options.promptColumn);
  if (typeof prompt !== 'string' || prompt === '') {
    throw broken(path, line, `its \`${options.promptColumn}\` is not a text`);
  }
  const answer = fields.get('answer');
  const isNumber = typeof answer === 'number' && Number.isFinite(answer);
  if (!isNumber && typeof answer !== 'string') {
    throw broken(path, line, 'its `answer` is neither a text nor a number');
  }
  const reference = referenceOf(String(answer));
  if (reference === null) throw broken(path, line, 'its `answer` is empty');
  const character = options.unknownCharacter(prompt);
  if (character !== null) {
    throw new PlainError(
      `Line ${line} of ${path} has the character ${nameOf(character)}, which the model's tokenizer doesn't know.`,
      'Use a model whose tokenizer knows it, or take the line out of the data set.',
    );
  }
  const id = fields.get('id');
  return {
    line,
    problem: {
      id: typeof id === 'string' && id !== '' ? id : `line ${line}`,
      prompt,
      answer: String(answer),
    },
    reference,
  };
}

function broken(path: string, line: number, why: string, cause?: unknown): PlainError {
  return new PlainError(
    `Line ${line} of ${path} can't be used: ${why}.`,
    'Each line is a JSON object with a `prompt` and its `answer`, such as {"prompt": "2+2=", "answer": "4"}.',
    { cause },
  );
}

/** A character a person can find: itself where it can be seen, and its code point. */
function nameOf(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character) ? `“${character}” (U+${code})` : `U+${code}`;
}
