import type { Page } from 'playwright-core';
import { z } from 'zod';

const spread = z.object({ median: z.number(), p95: z.number(), worst: z.number() });
export type Spread = z.infer<typeof spread>;

const frameTimes = z.object({
  /** Ms of script, style and layout a frame. */
  work: spread,
  /** Ms from one frame to the next, painting included; 16.7 is all a screen can show. */
  interval: spread,
});
export type FrameTimes = z.infer<typeof frameTimes>;

/** Scrolls a pane by `by` pixels a frame, `count` times. */
export async function scrollFrames(
  page: Page,
  selector: string,
  count: number,
  by: number,
): Promise<FrameTimes> {
  // In one piece as a string: it runs in the page, which this program's types know nothing of.
  const measured: unknown = await page.evaluate(`(async () => {
    const scroller = document.querySelector('${selector}');
    scroller.scrollTop = 0;
    const work = [];
    const interval = [];
    let last = await new Promise(requestAnimationFrame);
    for (let i = 0; i < ${count}; i++) {
      const start = performance.now();
      scroller.scrollTop += ${by};
      scroller.dispatchEvent(new Event('scroll'));
      void scroller.scrollHeight;
      work.push(performance.now() - start);
      const now = await new Promise(requestAnimationFrame);
      interval.push(now - last);
      last = now;
    }
    const spread = (times) => {
      times.sort((a, b) => a - b);
      const at = (share) => times[Math.floor(share * (times.length - 1))];
      return { median: at(0.5), p95: at(0.95), worst: at(1) };
    };
    return { work: spread(work), interval: spread(interval) };
  })()`);
  return frameTimes.parse(measured);
}
