/**
 * Text as VS Code's notifications show it as it stands. They make links of `[words](target)`, and a
 * `command:` among them runs at a click; names of runs and files, and what an engine says about
 * them, are written by whoever made them.
 */
export const plainText = (text: string): string => text.replaceAll('](', '] (');
