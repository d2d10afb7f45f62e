import type { ComparedSide, Note } from '../model.ts';

export const warning = (code: string, sentence: string): Note => ({
  severity: 'warning',
  code,
  sentence,
});
export const info = (code: string, sentence: string): Note => ({
  severity: 'info',
  code,
  sentence,
});

export const seedsOf = (side: ComparedSide): number[] => side.runs.map(({ seed }) => seed);
