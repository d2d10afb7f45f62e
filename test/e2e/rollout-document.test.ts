import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { root } from '../../scripts/vscode/install.ts';
import { RolloutPage } from '../../scripts/vscode/rollout-page.ts';
import { synthesizeRun } from '../fixtures/synthesize.ts';
import { rootRow, writer } from '../integration/explorer/runs.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';

const pictures = join(root, 'test-results');
const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-rollouts-'));
const recorded = join(folder, 'recorded');
const patienceMs = 90_000;

/** Model output as bad as it gets, a piece a token. */
const pieces = ['5', '+', '\r\n', '7', '\u2028', '8', '\0', '\u202e', 'x', '\r', 'y', '\n\n'];
pieces.push('😀', 'z', '](command:workbench.action.quit)', '<b>$(zap)');
const hostile = join(folder, 'hostile');

before(async () => {
  await synthesizeRun(recorded, { completions: 64, tokensPerCompletion: 60, seed: 7 });
  const writing = await writer(hostile, { name: '../[x](command:evil) $(zap)\u202e' });
  const prompt = '\ufeffWhat\r\nis\u2028it?';
  await writing.rollouts([rootRow({ step: 1, prompt_id: '../p', prompt, segment_id: 0 }, pieces)]);
  await writing.close();
});
after(() => rm(folder, { recursive: true, force: true }));

inVsCode('a rollout of a live run is read as a document', { timeout: 300_000 }, async (world) => {
  const { workbench, workspace } = world;
  const { page } = workbench;
  await workbench.runCommand('Start Adaptive GRPO Run');
  const explorer = await ExplorerPage.find(workbench, patienceMs);
  await explorer.resamples.first().waitFor({ timeout: patienceMs });
  await explorer.resamples.first().click();
  await explorer.frame.locator('.pane.path .token').first().click();
  await page.keyboard.press('o');
  const document = await RolloutPage.find(workbench);
  const file = /step \d+ · try \d+ · \d+\.rollout/;
  await workbench.tab(file).waitFor();

  // The text is the explorer's, and the cursor is on the token that was chosen there.
  const written = (texts: string[]): string => texts.join('').replaceAll(/[\s◆◇■↵∅]/g, '');
  const shown = written(await explorer.frame.locator('.pane.path .token').allTextContents());
  assert.equal(written((await document.lines()).slice(1)), shown);
  assert.deepEqual(await document.cursor(), [2, 1]);

  // Next failure point, and all about the token that was drawn again.
  await page.keyboard.press('Control+F8');
  const at = await eventually(
    'the cursor',
    () => document.cursor(),
    ([line, column]) => line > 2 || column > 1,
  );
  const hover = await document.hover();
  const text = await hover.innerText();
  assert.match(text, /token \d+ of \d+ · id \d+ · try \d+ · T 1\.\d\d/);
  assert.match(text, /entropy \d+\.\d{3} nats · max prob 0\.\d{3} · logprob −?\d/);
  assert.match(text, /rank \d+ · advantage [+−]?\d+\.\d{3} · importance ratio × \d/);
  assert.match(text, /◆ Cut here: (max prob 0\.\d+ < 0\.7|entropy \d\.\d+ > 2 nats)/);
  assert.match(text, /Fork from here · Show in explorer · Same position in siblings/);
  assert.match(text, /█/);
  assert.ok((await hover.locator('a').allInnerTexts()).includes('fork with it'));
  await workbench.screenshot(join(pictures, 'rollout-hover.png'));

  // The same token in the siblings, and one of them.
  await hover.locator('a', { hasText: 'Same position in siblings' }).click();
  const picks = await workbench.picks();
  assert.ok(picks.length > 0);
  assert.match(picks[0] ?? '', /[✓✗◆○] root \d+ › try \d+/);
  await page.keyboard.press('Enter');
  await eventually(
    'the tabs of rollouts',
    () => page.locator('.tabs-container .tab', { hasText: file }).count(),
    (count) => count === 2,
  );
  await eventually(
    'the cursor in the sibling',
    () => document.cursor(),
    ([line, column]) => line === at[0] && column === at[1],
  );

  // The outline knows the segments and the steps.
  await page.keyboard.press('Control+Shift+O');
  const symbols = await workbench.picks();
  await page.keyboard.press('Escape');
  assert.ok(
    symbols.some((each) => /^root \d+/.test(each)),
    symbols.join(' | '),
  );
  assert.ok(
    symbols.some((each) => /^\d+[*+-]\d+=\d/.test(each)),
    symbols.join(' | '),
  );

  // A sibling beside it, in VS Code's own diff, at the first token that differs.
  const lenses = await eventually(
    'the lenses',
    async () => (await document.lenses.allInnerTexts()).join(' '),
    (texts) => texts.includes('diff with'),
  );
  await workbench.runCommand('Compare Rollout with');
  // Two that came out alike may be the same, token by token.
  const other = /reward \d+\.\d+ ✓/.test(lenses) ? '✗' : '✓';
  const sides = await workbench.picks();
  const side = sides.find((each) => each.startsWith(other)) ?? sides.at(-1) ?? '';
  await workbench.pick(/^. root \d+(?: › try \d+)*/.exec(side)?.[0] ?? side);
  await workbench.tab('↔').waitFor();
  await page.locator('.monaco-diff-editor .editor.modified .view-line').first().waitFor();
  await eventually(
    'the cursor in the diff',
    () => document.cursor(),
    ([line]) => line > 1,
  );
  await workbench.screenshot(join(pictures, 'rollout-diff.png'));

  // A reload brings the documents back, the diff included.
  await workbench.runCommand('Stop Run');
  await explorer.state('stopped').waitFor({ timeout: patienceMs });
  await workbench.reload();
  await workbench.tab('↔').waitFor();
  await workbench.tab(file).click();
  const again = await RolloutPage.find(workbench);
  await again.lens(/root \d+ · T 1\.00/).waitFor();

  // Whoever deletes the run keeps what is open, and is told.
  const [run] = await readdir(join(workspace, 'runs'));
  await rm(join(workspace, 'runs', run ?? ''), { recursive: true });
  await again.lens(/What is shown here was read before/).waitFor();
  assert.ok((await again.lines()).length > 3);
});

inVsCode(
  'hostile model output is shown as it stands, every token at its place',
  { folders: { 'runs/hostile': hostile } },
  async ({ workbench }) => {
    const { page } = workbench;
    await workbench.runCommand('Open Rollout as Document');
    await workbench.picks();
    await page.keyboard.press('Enter');
    await workbench.pick('root 1');
    const document = await RolloutPage.find(workbench);
    await workbench.tab('step 1 · root · 0.rollout').waitFor();
    const goTo = async (place: string): Promise<string> => {
      await page.keyboard.press('Control+G');
      await workbench.enter(`:${place}`);
      const hover = await document.hover();
      const text = await hover.innerText();
      const links = await hover.locator('a').allInnerTexts();
      assert.deepEqual([...new Set(links)].sort(), [
        'Fork from here',
        'Same position in siblings',
        'Show in explorer',
      ]);
      assert.equal(await hover.locator('b, .codicon-zap').count(), 0);
      await page.keyboard.press('Escape');
      return text.replaceAll(/\s+/g, ' ');
    };
    // The prompt has two lines for VS Code, and a byte order mark that it drops.
    assert.match(await goTo('3:1'), /^5 token 0 of 16/);
    assert.match(await goTo('3:3'), /^␍↵ token 2 of 16/);
    assert.match(await goTo('4:2'), /^U\+2028 token 4 of 16/);
    assert.match(await goTo('4:3'), /^8 token 5 of 16/);
    assert.match(await goTo('4:6'), /^x token 8 of 16/);
    assert.match(await goTo('5:1'), /^y token 10 of 16/);
    assert.match(await goTo('6:1'), /^↵↵ token 11 of 16/);
    assert.match(await goTo('7:1'), /^😀 token 12 of 16/);
    assert.match(await goTo('7:3'), /^z token 13 of 16/);
    assert.match(await goTo('7:4'), /^\]\(command:workbench\.action\.quit\) token 14 of 16/);
    assert.match(await goTo('7:40'), /^<b>\$\(zap\) token 15 of 16/);
  },
);

inVsCode(
  'rollouts are readable in every theme, and coloured as the explorer is',
  { folders: { 'runs/recorded': recorded } },
  async ({ workbench }) => {
    const { page } = workbench;
    await workbench.runCommand('Open Rollout as Document');
    await workbench.picks();
    await page.keyboard.press('Enter');
    await workbench.pick('try 1');
    const document = await RolloutPage.find(workbench);
    const borders = async (): Promise<string> =>
      String(
        await page.evaluate(`(() => {
          const spans = [...document.querySelectorAll('.view-overlays .cdr[class*="ced-"]')];
          const found = spans.map((span) => getComputedStyle(span))
            .filter((style) => style.borderBottomWidth !== '0px' || style.borderTopWidth !== '0px');
          const tinted = found.filter((style) => !/rgba?\\(0, 0, 0, 0\\)/.test(style.backgroundColor));
          return (found.length > 0 ? 'bars' : 'none') + (tinted.length > 0 ? ' tints' : '');
        })()`),
      );
    await workbench.runCommand('Colour Tokens by');
    await workbench.pick('advantage');
    await document.lens('coloured by advantage').waitFor();
    for (const [theme, look, expected] of [
      ['Dark Modern', 'vs-dark', 'bars tints'],
      ['Light Modern', 'vs', 'bars tints'],
      ['Dark High Contrast', 'hc-black', 'bars'],
      ['Light High Contrast', 'hc-light', 'bars'],
    ] as const) {
      await workbench.runCommand('Preferences: Color Theme');
      await workbench.enter(theme);
      await page.locator(`.monaco-workbench.${look}`).waitFor();
      await eventually(`the look in ${theme}`, borders, (found) => found === expected);
      const slug = theme.toLowerCase().replaceAll(' ', '-');
      await workbench.screenshot(join(pictures, `rollout-${slug}.png`));
    }
    // What is chosen in one place holds in the other.
    await workbench.runCommand('Reveal in Rollout Explorer');
    const explorer = await ExplorerPage.find(workbench);
    await explorer.frame.locator('.explorer[data-colour="advantage"]').waitFor();
    await explorer.frame.locator('.pane.path .token').first().click();
    await page.keyboard.press('c');
    await explorer.frame.locator('.explorer[data-colour="entropy"]').waitFor();
    await workbench.tab(/\.rollout/).click();
    await document.lens('coloured by entropy').waitFor();
    await document.lens(/^try 1 · T/).click();
    const shown = await ExplorerPage.find(workbench);
    await eventually(
      'the token that the explorer shows',
      () => shown.detail.innerText(),
      (text) => text.includes('token 27 ·') && text.includes('try 1'),
    );
  },
);
