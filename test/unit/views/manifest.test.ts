import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  commands,
  compareViewType,
  contexts,
  explorerViewType,
  runContexts,
  section,
  settings,
  views,
  walkthrough,
} from '../../../src/views/ids.ts';

const root = new URL('../../../', import.meta.url);
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, root), 'utf8'));

const step = z.object({
  id: z.string(),
  media: z.record(z.string(), z.union([z.string(), z.record(z.string(), z.string())])),
  completionEvents: z.array(z.string()).min(1),
  description: z.string(),
});
const menuItem = z.object({ command: z.string(), when: z.string().optional() });
const manifest = z
  .object({
    icon: z.string(),
    publisher: z.string(),
    name: z.string(),
    extensionKind: z.tuple([z.literal('workspace')]),
    activationEvents: z.array(z.string()),
    capabilities: z.object({
      untrustedWorkspaces: z.object({
        supported: z.literal('limited'),
        restrictedConfigurations: z.array(z.string()),
      }),
      virtualWorkspaces: z.object({ supported: z.literal('limited') }),
    }),
    contributes: z.object({
      commands: z.array(z.object({ command: z.string(), icon: z.string().optional() })),
      configuration: z.object({
        properties: z.record(z.string(), z.object({ markdownDescription: z.string() })),
      }),
      viewsContainers: z.record(
        z.string(),
        z.array(z.object({ id: z.string(), icon: z.string() })),
      ),
      views: z.record(z.string(), z.array(z.object({ id: z.string(), icon: z.string() }))),
      viewsWelcome: z.array(z.object({ view: z.string(), contents: z.string() })),
      menus: z.record(z.string(), z.array(menuItem)),
      walkthroughs: z.array(z.object({ id: z.string(), icon: z.string(), steps: z.array(step) })),
    }),
  })
  .parse(read('package.json'));
const nls = z.record(z.string(), z.string().min(1)).parse(read('package.nls.json'));
const { contributes } = manifest;
const whole = readFileSync(new URL('package.json', root), 'utf8');

test('commands, views and settings are those the code knows', () => {
  const ids = contributes.commands.map(({ command }) => command).sort();
  assert.deepEqual(ids, Object.values(commands).sort());
  assert.deepEqual(
    contributes.viewsContainers.activitybar?.map(({ id }) => id),
    [views.container],
  );
  assert.deepEqual(Object.keys(contributes.views), [views.container]);
  assert.deepEqual(
    contributes.views[views.container]?.map(({ id }) => id).sort(),
    [views.runs, views.charts].sort(),
  );
  assert.deepEqual(
    Object.keys(contributes.configuration.properties).sort(),
    Object.values(settings)
      .map((key) => `${section}.${key}`)
      .sort(),
  );
  assert.deepEqual(
    contributes.walkthroughs.map(({ id }) => id),
    [walkthrough],
  );
  for (const view of [explorerViewType, compareViewType]) {
    assert.ok(manifest.activationEvents.includes(`onWebviewPanel:${view}`));
  }
});

test('every id in the manifest carries the one prefix', () => {
  const ids = [...whole.matchAll(/"(?:command|view)": "([^"]+)"/g)].map((match) => match[1] ?? '');
  assert.ok(ids.length > 20);
  assert.deepEqual(
    ids.filter((id) => !id.startsWith(`${section}.`)),
    [],
  );
});

test('menus and clauses name only commands, contexts and rows that exist', () => {
  const known = new Set<string>(Object.values(commands));
  const contextKeys = new Set<string>([
    ...Object.values(contexts),
    ...Object.values(views),
    explorerViewType,
  ]);
  for (const item of Object.values(contributes.menus).flat()) {
    assert.ok(known.has(item.command), item.command);
    const when = item.when ?? '';
    for (const [key] of when.matchAll(/adaptiveGrpo\.\w+/g)) assert.ok(contextKeys.has(key), key);
    for (const [, pattern] of when.matchAll(/viewItem =~ \/(.*?)\/(?: |$)/g)) {
      const regex = new RegExp(pattern ?? '');
      const rows = Object.values(runContexts).flatMap((row) => [row, `${row}.opened`]);
      assert.ok(
        rows.some((row) => regex.test(row)),
        `no row matches ${String(pattern)}`,
      );
    }
  }
});

test('whatever was opened from elsewhere can be taken off the list, unreadable or not', () => {
  const item = contributes.menus['view/item/context']?.find(
    ({ command }) => command === commands.removeRun,
  );
  const pattern = new RegExp(/viewItem =~ \/(.*?)\/$/.exec(item?.when ?? '')?.[1] ?? '(?!)');
  for (const row of Object.values(runContexts)) {
    assert.ok(pattern.test(`${row}.opened`), row);
    assert.ok(!pattern.test(row), row);
  }
});

test('the palette hides what has nothing to act on', () => {
  const palette = new Map(
    contributes.menus.commandPalette?.map(({ command, when }) => [command, when]),
  );
  const always: string[] = [
    commands.startRun,
    commands.openRecordedRun,
    commands.compareWithBaseline,
    commands.openComparison,
    commands.setCompletionServerKey,
    commands.removeCompletionServerKey,
    commands.selectPython,
    commands.setUpPython,
  ];
  for (const command of Object.values(commands)) {
    if (always.includes(command)) assert.ok(!palette.has(command), command);
    else assert.ok((palette.get(command) ?? '') !== '', command);
  }
});

test('every string a person reads is in package.nls.json, and nothing else is', () => {
  const used = new Set([...whole.matchAll(/%([\w.]+)%/g)].map((match) => match[1] ?? ''));
  assert.deepEqual([...used].sort(), Object.keys(nls).sort());
  const literal = [
    ...whole.matchAll(/"(?:title|contents|markdownDescription|altText)": "([^"]+)"/g),
  ];
  assert.deepEqual(
    literal.map((match) => match[1]).filter((text) => !/^%.*%$/.test(text ?? '')),
    ['Adaptive GRPO'],
  );
});

test('links in texts lead to commands that exist', () => {
  const known = new Set<string>([...Object.values(commands), `${views.charts}.focus`]);
  const links = Object.values(nls).flatMap((text) => [...text.matchAll(/\(command:([\w.]+)/g)]);
  assert.ok(links.length >= 6);
  for (const [, command = ''] of links) {
    assert.ok(known.has(command) || command.startsWith('workbench.'), command);
  }
  const welcome = `${manifest.publisher}.${manifest.name}#${walkthrough}`;
  assert.ok(nls['viewsWelcome.runs']?.includes(encodeURIComponent(`"${welcome}"`)));
});

test('the walkthrough ends in a live run, and every step can be completed', () => {
  const steps = contributes.walkthroughs[0]?.steps ?? [];
  assert.ok(steps.length >= 3 && steps.length <= 5);
  const events = steps.flatMap((each) => each.completionEvents);
  assert.ok(events.includes(`onContext:${contexts.canStop}`));
  const targets = new Set<string>([...Object.values(commands), views.charts, contexts.canStop]);
  for (const event of events) assert.ok(targets.has(event.replace(/^\w+:/, '')), event);
});

test('every picture and page is there', () => {
  const files = [
    manifest.icon,
    ...Object.values(contributes.viewsContainers).flatMap((list) => list.map(({ icon }) => icon)),
    ...Object.values(contributes.views).flatMap((list) => list.map(({ icon }) => icon)),
    ...contributes.walkthroughs.flatMap((each) => [
      each.icon,
      ...each.steps.flatMap(({ media }) =>
        Object.entries(media).flatMap(([kind, files]) => {
          if (kind === 'altText') return [];
          return typeof files === 'string' ? [files] : Object.values(files);
        }),
      ),
    ]),
  ];
  for (const file of files) assert.ok(existsSync(fileURLToPath(new URL(file, root))), file);
  const png = readFileSync(new URL(manifest.icon, root));
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [128, 128]);
});

test('what an untrusted workspace may not set is a real setting', () => {
  for (const key of manifest.capabilities.untrustedWorkspaces.restrictedConfigurations) {
    assert.ok(key in contributes.configuration.properties, key);
  }
});
