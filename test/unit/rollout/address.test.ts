import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressIn, queryOf, titlePath } from '../../../src/views/rollout/address.ts';

test('a query names its rollout, whatever its folder is called', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'binary' }),
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      (name, segment_id) => {
        // A lone half of a character is no file name; URLs can't hold it either.
        const directory = `/runs/${name.toWellFormed()}`;
        assert.deepEqual(addressIn(queryOf({ directory, segment_id })), { directory, segment_id });
      },
    ),
  );
  const windows = { directory: 'C:\\runs\\a & b=c#%20', segment_id: 2 ** 40 };
  assert.deepEqual(addressIn(queryOf(windows)), windows);
});

test('other queries name none', () => {
  for (const query of ['', 'segment=1', 'directory=/x', 'directory=/x&segment=-1', '{}', '%']) {
    assert.equal(addressIn(query), null, query);
  }
  assert.equal(addressIn('directory=/x&segment='), null);
  assert.equal(addressIn('directory=/x&segment=one'), null);
});

test('a title is three readable names, whatever the run calls itself', () => {
  const named = { step: 12, kind: 'resample', attempt: 2 } as const;
  const address = { directory: '/x', segment_id: 45 };
  assert.equal(
    titlePath({ ...named, run: 'my run', prompt_id: 'train/3' }, address),
    '/my run/train_3/step 12 · try 2 · 45.rollout',
  );
  const probe = { step: 12, kind: 'probe', attempt: 0, run: 'r', prompt_id: 'p' } as const;
  assert.equal(
    titlePath(probe, { directory: '/x', segment_id: 2 ** 30 + 4 }),
    '/r/p/step 12 · probe · 5.rollout',
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (run, prompt_id) => {
      const path = titlePath({ ...named, run, prompt_id }, address);
      const names = path.split('/');
      assert.equal(names.length, 4);
      assert.equal(names[3], 'step 12 · try 2 · 45.rollout');
      for (const name of names.slice(1)) {
        assert.match(name, /^[\p{L}\p{N} ._=+·-]+$/u);
        assert.ok(!/^\.+$/.test(name));
      }
    }),
  );
});
