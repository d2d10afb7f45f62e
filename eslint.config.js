import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * The import rule of the house: imports point one way.
 *
 *   views, launch, engine → run, recipe → strategy → common
 *
 * and the pure parts know neither VS Code, nor Node, nor the DOM.
 */
const node = { regex: '^node:', message: 'This part is pure: it must run in a webview too.' };
const vscode = { regex: '^vscode$', message: 'Only views/, launch/ and extension.ts see VS Code.' };
const folder = (/** @type {string[]} */ ...names) => ({
  regex: `^\\.\\.?/(?:.*/)?(?:${names.join('|')})/`,
  message: 'Imports point one way: views → run, recipe, launch → strategy.',
});

/** @param {string[]} files @param {object[]} patterns @param {string[]} [ignores] */
const restrict = (files, patterns, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

export default defineConfig(
  { ignores: ['dist/', '.cache/', 'test-results/', 'runs/', 'trainer/', 'media/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './webview/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // Loops over typed arrays and `ArrayLike` count.
      '@typescript-eslint/prefer-for-of': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    // node:test's `test()` returns a promise that the runner itself awaits.
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  },
  { files: ['scripts/**', 'test/bench/**'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
    rules: { 'no-console': 'off' },
  },
  restrict(
    ['src/strategy/**'],
    [node, vscode, folder('run', 'engine', 'recipe', 'launch', 'views', 'common')],
  ),
  restrict(['src/run/model/**'], [node, vscode, folder('engine', 'recipe', 'launch', 'views')]),
  restrict(['src/views/**/protocol.ts', 'src/views/model/**'], [node, vscode]),
  restrict(
    ['src/run/**'],
    [vscode, folder('engine', 'recipe', 'launch', 'views')],
    ['src/run/model/**'],
  ),
  restrict(['src/recipe/**'], [node, vscode, folder('engine', 'launch', 'views', 'run')]),
  restrict(
    ['src/compare/**'],
    [node, vscode, folder('engine', 'launch', 'views')],
    ['src/compare/load.ts'],
  ),
  restrict(['src/compare/load.ts'], [vscode, folder('engine', 'launch', 'views')]),
  restrict(['src/engine/**'], [vscode, folder('launch', 'views')]),
  restrict(['src/launch/**'], [folder('views', 'engine')]),
  restrict(
    ['src/views/**'],
    [folder('engine')],
    ['src/views/**/protocol.ts', 'src/views/model/**'],
  ),
  restrict(['webview/**'], [node, vscode, folder('engine', 'launch', 'recipe')]),
);
