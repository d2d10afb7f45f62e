/**
 * VS Code takes the focus from a page while another editor is used, and gives it back to no element
 * of it. It goes back to where it was; else to the first of `others` that takes it, so that keys mean
 * something at once. Returns what does that at any other time.
 */
export function keepFocus(others: readonly { focus(): void }[] = []): () => void {
  let last: HTMLElement | null = null;
  document.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement) last = target;
  });
  const isLost = () => document.hasFocus() && document.activeElement === document.body;
  const takeFocus = () => {
    if (isLost()) last?.focus({ preventScroll: true });
    // What isn't shown (yet) doesn't take it.
    for (const other of others) if (isLost()) other.focus();
  };
  window.addEventListener('focus', takeFocus);
  return takeFocus;
}
