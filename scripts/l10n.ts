/**
 * Writes `l10n/bundle.l10n.json`, what translators start from: every text that `src/` and `webview/`
 * hand to `t` of `@vscode/l10n`.
 *
 *     npm run l10n
 *
 * VS Code's own exporter (`@vscode/l10n-dev`) finds `l10n.t(…)` but not a bare `t(…)`, and passes
 * over what it can't read; this one says where.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import ts from 'typescript';
import { z } from 'zod';
import { messageOf } from '../src/common/errors.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
export const bundleFile = join(root, 'l10n', 'bundle.l10n.json');

/** The format of VS Code's bundles; a comment is for the translator. */
const bundleSchema = z.record(
  z.string(),
  z.union([z.string(), z.object({ message: z.string(), comment: z.array(z.string()) })]),
);
export type Bundle = z.infer<typeof bundleSchema>;
type Message = Bundle[string];

export const parseBundle = (json: string): Bundle => bundleSchema.parse(JSON.parse(json));

/** A source file, parsed, with its path relative to the root. */
export interface Source {
  path: string;
  file: ts.SourceFile;
}

/** All of our own code that a person may read texts of. */
export async function sources(): Promise<Source[]> {
  const found: Source[] = [];
  for (const folder of ['src', 'webview']) {
    const names = await readdir(join(root, folder), { recursive: true });
    for (const name of names.filter((each) => /(?<!\.d)\.ts$/.test(each)).sort()) {
      const path = `${folder}/${name.replaceAll('\\', '/')}`;
      const text = await readFile(join(root, path), 'utf8');
      found.push({ path, file: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) });
    }
  }
  return found;
}

/** All messages, by key. Throws where a text can't be known or doesn't fit its arguments. */
export function bundleOf(all: readonly Source[]): Bundle {
  const messages = new Map<string, Message>();
  const wrong: string[] = [];
  for (const source of all) {
    if (!importsT(source.file)) continue;
    walk(source.file, (node) => {
      if (!ts.isCallExpression(node)) return;
      if (!ts.isIdentifier(node.expression) || node.expression.text !== 't') return;
      const read = messageIn(node);
      if (typeof read === 'string') wrong.push(`${place(source, node)}: ${read}`);
      else messages.set(read.key, read.message);
    });
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return Object.fromEntries([...messages].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function place({ path, file }: Source, node: ts.Node): string {
  return `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

function importsT(file: ts.SourceFile): boolean {
  return file.statements.some((statement) => {
    if (!ts.isImportDeclaration(statement)) return false;
    const { moduleSpecifier, importClause } = statement;
    if (!ts.isStringLiteral(moduleSpecifier) || moduleSpecifier.text !== '@vscode/l10n') {
      return false;
    }
    const names = importClause?.namedBindings;
    return (
      names !== undefined &&
      ts.isNamedImports(names) &&
      names.elements.some(({ name }) => name.text === 't')
    );
  });
}

/** What a call of `t` says, or in words what is wrong with it. */
function messageIn(call: ts.CallExpression): { key: string; message: Message } | string {
  const [first, ...rest] = call.arguments;
  if (first === undefined) return 't() without a text.';
  if (ts.isObjectLiteralExpression(first)) {
    const message = property(first, 'message');
    const comment = property(first, 'comment');
    if (message === undefined || comment === undefined || !isText(message) || !isText(comment)) {
      return 't({ message, comment }) wants both written out as plain strings.';
    }
    return {
      key: `${message.text}/${comment.text}`,
      message: { message: message.text, comment: [comment.text] },
    };
  }
  if (!isText(first)) return 't() wants its text written out as a plain string.';
  const places = new Set([...first.text.matchAll(/\{(\d+)\}/g)].map(([, index]) => Number(index)));
  if (!rest.some(ts.isSpreadElement) && !rest.some(ts.isObjectLiteralExpression)) {
    const fits = places.size === rest.length && rest.every((_, index) => places.has(index));
    if (!fits) return `${JSON.stringify(first.text)} doesn't fit its ${rest.length} arguments.`;
  }
  return { key: first.text, message: first.text };
}

const isText = ts.isStringLiteralLike;

function property(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  const found = object.properties.find(
    (each) => ts.isPropertyAssignment(each) && each.name.getText() === name,
  );
  return found !== undefined && ts.isPropertyAssignment(found) ? found.initializer : undefined;
}

if (process.argv[1] === import.meta.filename) {
  try {
    const bundle = bundleOf(await sources());
    await mkdir(dirname(bundleFile), { recursive: true });
    await writeFile(bundleFile, await prettier.format(JSON.stringify(bundle), { parser: 'json' }));
    console.log(`${Object.keys(bundle).length} texts`);
  } catch (error) {
    console.error(messageOf(error));
    process.exit(1);
  }
}
