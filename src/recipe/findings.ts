/** Where a finding is: a place in the recipe file, or an argument of the command line. */
export type Place =
  | {
      kind: 'file';
      /** From 1. */
      line: number;
      /** From 1, in UTF-16 code units. */
      column: number;
      /** How many code units of that line are meant; at least 1. */
      length: number;
    }
  | { kind: 'argument'; argument: string };

/** One change of a recipe, in its own terms; `edit.ts` makes edits of the text from it. */
export type Change =
  /** Gives a key another name, and another value where there is one. */
  | { kind: 'rename'; key: string; to: string; value?: unknown }
  /** Sets a value; adds the key at the end, or after another one, where it is missing. */
  | { kind: 'set'; key: string; value: unknown; after?: string }
  | { kind: 'remove'; key: string };

/** One way to put a finding right. */
export interface Fix {
  /** What it does, as a command: "Rename to `dtype`". */
  title: string;
  changes: readonly Change[];
}

/** One thing that is wrong (`error`) or worth knowing (`warning`) about a recipe. */
export interface Finding {
  severity: 'error' | 'warning';
  code:
    | 'syntax'
    | 'empty'
    | 'not_a_mapping'
    | 'duplicate_key'
    | 'unknown_key'
    | 'unused_key'
    | 'obsolete_key'
    /** A key is missing whose default used to be another one. */
    | 'obsolete_default'
    | 'wrong_value'
    | 'contradiction'
    | 'argument';
  place: Place;
  key: string | null;
  /** A plain sentence. */
  message: string;
  /** What to write instead, a plain sentence, where there is something to suggest. */
  suggestion: string | null;
  /** What a person may choose from, the best first. */
  fixes: readonly Fix[];
}

export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity === 'error');
}

/** One line a finding, as compilers print them: `recipe.yaml:3:1: error: … …`. */
export function formatFinding(finding: Finding, file: string): string {
  const { place, severity, message, suggestion } = finding;
  const where =
    place.kind === 'file' ? `${file}:${place.line}:${place.column}` : `argument ${place.argument}`;
  return `${where}: ${severity}: ${message}${suggestion === null ? '' : ` ${suggestion}`}`;
}
