import { describeFor, type KeyDescription } from './describe.ts';
import { valueText } from './edit.ts';
import { keyNamesOf, typeOf } from './engines.ts';
import { keyGroups, type KeyGroup } from './key-info.ts';
import { obsoleteKey, obsoleteKeyNames } from './trl/obsolete.ts';

/** The documentation page of every key, as Markdown. */
export function keyPage(): string {
  return [
    '# Keys of a recipe',
    '',
    'Made by `npm run recipe-docs` from the schema in `src/recipe`: do not edit it here.',
    '',
    'A recipe is a flat YAML file. `engine` says who runs it: the built-in engine, which trains a small model on this computer, or TRL in Python. A recipe that does not say is for the built-in engine, unless it names a model of the Hugging Face Hub together with keys or a data set that only TRL understands.',
    '',
    ...section('The built-in engine', (name) => describeFor('built-in', name), 'built-in'),
    ...section('TRL, where it differs or has more', onlyTrl, 'trl'),
    ...oldKeys(),
  ].join('\n');
}

/** Keys of TRL that the built-in engine lacks, or takes in another way. */
function onlyTrl(name: string): KeyDescription | null {
  const same = typeOf('trl', name) === typeOf('built-in', name);
  return same ? null : describeFor('trl', name);
}

function section(
  title: string,
  describe: (name: string) => KeyDescription | null,
  engine: 'built-in' | 'trl',
): string[] {
  const keys = keyNamesOf(engine).flatMap((name) => describe(name) ?? []);
  return [`## ${title}`, '', ...keyGroups.flatMap((group) => groupTable(group, keys))];
}

function groupTable(group: KeyGroup, all: readonly KeyDescription[]): string[] {
  const keys = all.filter((key) => key.group === group);
  if (keys.length === 0) return [];
  return [
    `### ${group}`,
    '',
    row('key', 'takes', 'default', 'what it does', 'from'),
    row('---', '---', '---', '---', '---'),
    ...keys.map(({ name, expects, unit, default: initial, description, source }) =>
      row(
        `\`${name}\``,
        unit === undefined ? expects : `${expects} (${unit})`,
        initial === null ? 'empty' : `\`${valueText(initial)}\``,
        description,
        source === 'ours' ? 'Adaptive GRPO' : source,
      ),
    ),
    '',
  ];
}

function oldKeys(): string[] {
  return [
    '## Keys of older recipes',
    '',
    'What `npm run -s lint:recipe -- FILE` and the editor say about them; `--fix`, or the quick fix, does it.',
    '',
    row('key', 'what became of it', 'what to do'),
    row('---', '---', '---'),
    ...obsoleteKeyNames.map((name) => {
      const obsolete = obsoleteKey(name);
      return row(`\`${name}\``, obsolete?.message ?? '', obsolete?.suggestion ?? '');
    }),
    '',
  ];
}

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
