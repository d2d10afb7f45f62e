import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainText } from '../../../src/views/plain-text.ts';

/** What VS Code's notifications make a link of (`parseLinkedText` in its base library). */
const link = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;

test('a name can put no link into a notification', () => {
  for (const name of [
    '[finished](command:workbench.action.quit)',
    '[a](https://example.com "b") [c](file:///etc/passwd)',
    '[[x](command:y)](command:z)',
  ]) {
    assert.match(name, link);
    assert.doesNotMatch(plainText(`The run ${name} failed.`), link);
  }
  assert.equal(plainText('max [0, 1] (nats)'), 'max [0, 1] (nats)');
});
