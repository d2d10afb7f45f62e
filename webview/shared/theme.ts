/** Colours and fonts for the canvas, which can't read CSS variables by itself. */
export interface Theme {
  text: string;
  muted: string;
  axis: string;
  /** Null where lines across the plot would outshine the curves. */
  grid: string | null;
  cursor: string;
  /** One a series; the second is dashed as well, so that colour is never the only signal. */
  series: readonly [string, string];
  font: string;
  fontSize: number;
  lineWidth: number;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const variable = (...names: string[]): string => {
    for (const name of names) {
      const value = style.getPropertyValue(`--vscode-${name}`).trim();
      if (value !== '') return value;
    }
    return style.color;
  };
  const highContrast = document.body.classList.contains('vscode-high-contrast');
  const size = Number.parseFloat(style.getPropertyValue('--vscode-font-size'));
  return {
    text: variable('foreground'),
    muted: variable(highContrast ? 'foreground' : 'descriptionForeground', 'foreground'),
    axis: variable(highContrast ? 'foreground' : 'panel-border', 'widget-border'),
    grid: highContrast ? null : variable('panel-border', 'widget-border'),
    cursor: variable('editorCursor-foreground', 'foreground'),
    series: [
      variable('charts-blue', 'textLink-foreground'),
      // Not orange: in VS Code's own themes that one is translucent.
      variable('charts-yellow', 'editorWarning-foreground'),
    ],
    font: variable('font-family'),
    fontSize: Math.max(9, (Number.isFinite(size) ? size : 13) - 3),
    lineWidth: highContrast ? 2 : 1.5,
  };
}

/** VS Code changes the body's class and the root's style when the theme or the zoom changes. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  observer.observe(document.body, { attributeFilter: ['class', 'data-vscode-theme-id'] });
  observer.observe(document.documentElement, { attributeFilter: ['style'] });
}
