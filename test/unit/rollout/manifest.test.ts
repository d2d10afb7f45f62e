import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { colours, commands } from '../../../src/views/ids.ts';
import { rolloutScheme, titlePath } from '../../../src/views/rollout/address.ts';

const defaults = z.strictObject({
  dark: z.string(),
  light: z.string(),
  highContrast: z.string(),
  highContrastLight: z.string(),
});
const { activationEvents, contributes } = z
  .object({
    activationEvents: z.array(z.string()),
    contributes: z.object({
      colors: z.array(z.object({ id: z.string(), description: z.string(), defaults })),
      languages: z.array(z.object({ id: z.string(), extensions: z.array(z.string()).default([]) })),
      configurationDefaults: z.record(z.string(), z.record(z.string(), z.unknown())),
      keybindings: z.array(z.object({ command: z.string(), key: z.string(), when: z.string() })),
    }),
  })
  .parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')));

test('the colours of rollouts are those the code names, with a default for every theme', () => {
  const ids = contributes.colors.map(({ id }) => id);
  for (const colour of Object.values(colours)) assert.ok(ids.includes(colour), colour);
});

test('a rollout is opened by its scheme, and its language goes by the end of its name', () => {
  assert.ok(activationEvents.includes(`onFileSystem:${rolloutScheme}`));
  const named = { run: 'r', prompt_id: 'p', step: 1, kind: 'root', attempt: 0 } as const;
  const path = titlePath(named, { directory: '/r', segment_id: 1 });
  const language = contributes.languages.find(({ extensions }) =>
    extensions.some((extension) => path.endsWith(extension)),
  );
  assert.ok(language !== undefined);
  const settings = contributes.configurationDefaults[`[${language.id}]`];
  assert.equal(settings?.['editor.wordWrap'], 'on');
  // What a model wrote is nothing to click on.
  assert.equal(settings['editor.links'], false);
});

test('the keys work in rollout documents only', () => {
  const own = contributes.keybindings.filter(({ command }) =>
    [commands.nextFailurePoint, commands.previousFailurePoint].some((each) => each === command),
  );
  assert.deepEqual(
    own.map(({ key }) => key),
    ['ctrl+f8', 'ctrl+shift+f8'],
  );
  for (const { when } of own) assert.ok(when.includes(`resourceScheme == ${rolloutScheme}`));
});
