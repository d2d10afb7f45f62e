import type { CDPSession, Frame, Page } from 'playwright-core';
import { z } from 'zod';

/** What the browser's accessibility tree says: what a screen reader is told. */

export interface Spoken {
  role: string;
  name: string;
  /** `expanded`, `checked`, `pressed`, …: whatever is said of it. */
  states: Readonly<Record<string, unknown>>;
}

const said = z.object({ value: z.unknown().optional() }).optional();
const node = z.object({
  backendDOMNodeId: z.number().optional(),
  role: said,
  name: said,
  properties: z
    .array(
      z.object({
        name: z.string(),
        value: z.object({
          value: z.unknown().optional(),
          relatedNodes: z.array(z.object({ backendDOMNodeId: z.number() })).optional(),
        }),
      }),
    )
    .optional(),
});
type Node = z.infer<typeof node>;

interface Frames {
  frame: { id: string };
  childFrames?: Frames[] | undefined;
}
const frames: z.ZodType<Frames> = z.lazy(() =>
  z.object({ frame: z.object({ id: z.string() }), childFrames: z.array(frames).optional() }),
);

/** Documents, and the frames that hold them, pass the focus on. */
const holders = new Set(['RootWebArea', 'Iframe', 'IframePresentational']);

/** The element with the focus, or the row of it that stands for it; null where none has it. */
export async function focusOf(page: Page): Promise<Spoken | null> {
  for (const nodes of await documentsOf(page)) {
    const focused = nodes.find(
      (each) => propertyOf(each, 'focused')?.value === true && !holders.has(text(each.role)),
    );
    if (focused === undefined) continue;
    const row = propertyOf(focused, 'activedescendant')?.relatedNodes?.[0]?.backendDOMNodeId;
    const active = nodes.find(({ backendDOMNodeId }) => backendDOMNodeId === row);
    return spoken(row === undefined || active === undefined ? focused : active);
  }
  return null;
}

/** All elements of a role, of the window and of all pages in it. */
export async function allOfRole(page: Page, role: string): Promise<Spoken[]> {
  const all = (await documentsOf(page)).flat();
  return all.filter((each) => text(each.role) === role).map(spoken);
}

/** The accessibility tree of every document, those of inner frames first. */
async function documentsOf(page: Page): Promise<Node[][]> {
  const documents: Node[][] = [];
  for (const session of await sessionsOf(page)) {
    const { frameTree } = z
      .object({ frameTree: frames })
      .parse(await session.send('Page.getFrameTree'));
    for (const frameId of idsOf(frameTree)) {
      // A frame may be gone by now.
      const tree = await session.send('Accessibility.getFullAXTree', { frameId }).catch(() => null);
      if (tree !== null) documents.push(z.object({ nodes: z.array(node) }).parse(tree).nodes);
    }
    await session.detach();
  }
  return documents;
}

/** Of the page, and of those of its frames that are processes of their own. */
async function sessionsOf(page: Page): Promise<CDPSession[]> {
  const inner = page.frames().filter((frame) => frame !== page.mainFrame());
  const all = await Promise.all(
    [...inner.reverse(), page].map((of: Page | Frame) =>
      page
        .context()
        .newCDPSession(of)
        .catch(() => null),
    ),
  );
  return all.filter((session) => session !== null);
}

const idsOf = ({ frame, childFrames = [] }: Frames): string[] => [
  ...childFrames.flatMap(idsOf),
  frame.id,
];

const propertyOf = ({ properties }: Node, wanted: string) =>
  properties?.find(({ name }) => name === wanted)?.value;

const text = (of: Node['role']): string => (typeof of?.value === 'string' ? of.value : '');

function spoken(of: Node): Spoken {
  const states = (of.properties ?? []).map(({ name, value }) => [name, value.value] as const);
  return { role: text(of.role), name: text(of.name), states: Object.fromEntries(states) };
}
