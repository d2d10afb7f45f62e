import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getL10nPseudoLocalized } from '@vscode/l10n-dev';
import type { Frame } from 'playwright-core';
import { z } from 'zod';
import { parseBundle } from '../../../scripts/l10n.ts';

/** The language VS Code made up for tests: English in letters with marks, longer than it was. */
export const pseudo = 'qps-ploc';

/** Gives the installed extension its texts in the made-up language. */
export async function addPseudoLanguage(extensions: string): Promise<void> {
  const name = (await readdir(extensions)).find((each) => each.startsWith('adaptive-grpo.'));
  assert.ok(name !== undefined, 'the extension is installed');
  const folder = join(extensions, name, 'l10n');
  const texts = parseBundle(await readFile(join(folder, 'bundle.l10n.json'), 'utf8'));
  const file = join(folder, `bundle.l10n.${pseudo}.json`);
  await writeFile(file, JSON.stringify(getL10nPseudoLocalized(texts)));
}

/**
 * Words in plain letters that a webview shows or names its elements by, except in elements that
 * show what the user or the model wrote: nobody translated them.
 *
 * @param data selectors of those elements
 */
export async function plainWords(frame: Frame, data: readonly string[]): Promise<string[]> {
  const found: unknown = await frame.evaluate(`(() => {
    const data = ${JSON.stringify(data.join(', '))};
    const words = [];
    const look = (text, element) => {
      const plain = (text ?? '').match(/[A-Za-z]{3,}/g);
      if (plain !== null && element.closest(data) === null) words.push(text.trim());
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement;
      if (element !== null && element.closest('script, style') === null) look(node.data, element);
    }
    for (const name of ['title', 'aria-label', 'placeholder', 'aria-valuetext']) {
      for (const element of document.querySelectorAll('[' + name + ']')) {
        look(element.getAttribute(name), element);
      }
    }
    return [...new Set(words)];
  })()`);
  return z.array(z.string()).parse(found);
}
