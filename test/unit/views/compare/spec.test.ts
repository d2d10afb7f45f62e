import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PlainError } from '../../../../src/common/errors.ts';
import { fileSpec } from '../../../../src/views/compare/spec.ts';

/** As VS Code's `Uri`: `fsPath` is made of the path alone, whatever the scheme. */
function address(text: string) {
  const { protocol, pathname } = new URL(text);
  return { scheme: protocol.slice(0, -1), fsPath: pathname, toString: () => text };
}

test('a comparison of this computer is opened by its path', () => {
  assert.deepEqual(fileSpec(address(pathToFileURL('/runs/comparison.json').href)), {
    kind: 'file',
    path: '/runs/comparison.json',
    targets: null,
  });
});

test('one of a virtual workspace, or of a commit, is refused and never read from this disk', () => {
  for (const elsewhere of [
    'vscode-vfs://github/somebody/runs/comparison.json',
    'git:/runs/comparison.json?%7B%22ref%22%3A%22HEAD%22%7D',
    'untitled:/runs/comparison.json',
  ]) {
    assert.throws(
      () => fileSpec(address(elsewhere)),
      (error) => {
        assert.ok(error instanceof PlainError);
        assert.equal(error.message, `${elsewhere} is not a file on this computer.`);
        return error.next.startsWith('Save it to a folder');
      },
    );
  }
});
