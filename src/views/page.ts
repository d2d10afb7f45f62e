/** What the page of a webview is made from. */
export interface Page {
  cspSource: string;
  nonce: string;
  script: string;
  style: string;
  title: string;
  /** Of the texts, as BCP 47 names it. */
  language: string;
  /** Texts in that language, by their English ones; undefined where it is English. */
  texts: Readonly<Record<string, string>> | undefined;
}

/**
 * No inline code, no remote anything. Inline `style` attributes are refused as well; the front
 * ends set styles through the CSSOM, which a content security policy does not touch.
 */
export function page(content: Page): string {
  const { cspSource, nonce, script, style, title, language, texts } = content;
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `font-src ${cspSource}`,
    `img-src ${cspSource} data:`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" nonce="${nonce}" href="${escapeHtml(style)}">
<title>${escapeHtml(title)}</title>
</head>
<body>
${texts === undefined ? '' : dataBlock(texts)}<script nonce="${nonce}" src="${escapeHtml(script)}"></script>
</body>
</html>`;
}

/** JSON for the page's script to read; nothing in it can end the element. */
function dataBlock(data: unknown): string {
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<script type="application/json">${json}</script>\n`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
