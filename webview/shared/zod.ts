// As a namespace, so that the bundler drops what is not used: zod brings fifty languages along.
import * as z from 'zod';

// Import this before any schema: zod would otherwise probe for `eval`, which the page's content
// security policy forbids and reports.
z.config({ jitless: true });
