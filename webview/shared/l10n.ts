// Import this before anything that has texts: some are put together as modules are loaded.
import { config } from '@vscode/l10n';

/** The extension host put the texts of its display language into the page; none where English. */
const texts = document.querySelector('script[type="application/json"]')?.textContent;
if (texts !== undefined) config({ contents: texts });
