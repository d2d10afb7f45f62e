/** The id of the extension: publisher and name of package.json. */
export const extensionId = 'adaptive-grpo.adaptive-grpo';

/**
 * The error-level lines of an extension host's logs that are our extension's doing: all errors in
 * its own output channels, and those of the host that name it.
 */
export function extensionErrors(logs: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [name, text] of logs) {
    const own = name.includes(extensionId);
    for (const line of text.split('\n')) {
      if (!/ \[(?:error|critical)\] /.test(line)) continue;
      if (own || line.includes(extensionId)) found.push(line);
    }
  }
  return found;
}
