import { keyLines } from '../../recipe/outline.ts';
import type { PackageName } from './facts.ts';

/** Packages that only some recipes need: by a key that is true. */
const byKey: Readonly<Record<string, PackageName>> = { use_vllm: 'vllm', use_peft: 'peft' };

/** What a recipe needs beside the trainer, as far as its lines tell. */
export function packagesOf(source: string): PackageName[] {
  return keyLines(source).flatMap(({ key, value }) => {
    const name = byKey[key];
    // YAML 1.1, which Python reads, has more words for it.
    return name !== undefined && /^(true|yes|on)$/i.test(value) ? [name] : [];
  });
}

/** What a configuration of `accelerate`, YAML or JSON, needs beside the trainer. */
export function packagesOfConfig(source: string): PackageName[] {
  const said = /(?:^|[{,])\s*["']?distributed_type["']?\s*:\s*["']?DEEPSPEED\b/im;
  return said.test(source) ? ['deepspeed'] : [];
}

/** How pip is asked for them: TRL knows which versions of these go with it. */
export function requirementOf(name: PackageName): string {
  return name === 'vllm' || name === 'peft' || name === 'deepspeed' ? `trl[${name}]` : name;
}
