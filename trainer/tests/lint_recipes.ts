/**
 * What the extension's linter says of recipes, for the tests of the trainer:
 *
 *     node lint_recipes.ts '["engine: trl\n", …]'
 */
import { formatFinding } from '../../src/recipe/findings.ts';
import { changeableIn } from '../../src/recipe/live.ts';
import { keyNamesOf } from '../../src/recipe/engines.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';

const sources: unknown = JSON.parse(process.argv[2] ?? '[]');
const said = (Array.isArray(sources) ? sources : []).map((source) =>
  parseRecipe(String(source))
    .findings.filter(({ severity }) => severity === 'error')
    .map((finding) => formatFinding(finding, 'r.yaml')),
);
console.log(JSON.stringify({ said, live: changeableIn('trl'), keys: keyNamesOf('trl') }));
