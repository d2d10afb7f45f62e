import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';
import { runProgram } from './program.ts';

/** What a Python has, found out without importing anything heavy: PyTorch alone takes seconds. */

/** Packages that are asked for, by the name they are installed under. */
export const packageNames = [
  'adaptive-grpo',
  'trl',
  'torch',
  'transformers',
  'accelerate',
  'vllm',
  'peft',
  'deepspeed',
] as const;
export type PackageName = (typeof packageNames)[number];

const version = z.string().nullable();
const answer = z.object({
  /** Where its packages are: one environment, whatever names its program has. */
  prefix: z.string().min(1),
  python: z.string().regex(/^\d+\.\d+/),
  /** Version of each; null: not installed. */
  packages: z.record(z.enum(packageNames), version),
  /** The CUDA that PyTorch was built for; null: none, or no PyTorch. */
  cuda: version,
});
export type PythonFacts = z.infer<typeof answer>;

/**
 * Runs on every Python from 2.7 on, so that an old one can say that it is old. The folder it is
 * started in is no place to import from: what lies in a workspace must not run yet.
 */
const script = `
import sys
sys.path = [p for p in sys.path if p]
import json
def version_of(name):
    try:
        from importlib.metadata import version
        return version(name)
    except Exception:
        return None
def cuda_of():
    try:
        import importlib.util, os
        place = os.path.dirname(importlib.util.find_spec("torch").origin)
        known = {}
        with open(os.path.join(place, "version.py")) as file:
            exec(file.read(), known)
        return known.get("cuda")
    except Exception:
        return None
names = ${JSON.stringify(packageNames)}
packages = dict((name, version_of(name)) for name in names)
if packages["adaptive-grpo"] is None and sys.version_info >= (3, 8):
    try:
        import adaptive_grpo
        packages["adaptive-grpo"] = adaptive_grpo.__version__
    except Exception:
        pass
print("\\n" + json.dumps({"prefix": sys.prefix, "python": "%d.%d.%d" % sys.version_info[:3],
    "packages": packages, "cuda": cuda_of()}))
`;

/** A cold disk takes its time to tell what lies in hundreds of folders. */
const PATIENCE_MS = 20_000;

/**
 * Asks a Python what it has.
 *
 * @throws PlainError where there is no Python, or it doesn't answer; CancelledError
 */
export async function factsOf(
  python: string,
  options: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<PythonFacts> {
  const ended = await runProgram(python, ['-c', script], { timeoutMs: PATIENCE_MS, ...options });
  const facts = parseFacts(ended.stdout);
  if (facts !== null) return facts;
  const said = ended.stderr.trim().split('\n').at(-1) ?? '';
  throw new PlainError(
    t('{0} is no Python that answers. {1}', python, said).trim(),
    t('Choose another one with “Select Python for Training”.'),
  );
}

/** What the script printed, whatever else was printed around it; null where it didn't. */
export function parseFacts(stdout: string): PythonFacts | null {
  for (const line of stdout.split('\n').reverse()) {
    if (!line.startsWith('{')) continue;
    try {
      const parsed = answer.safeParse(JSON.parse(line));
      if (parsed.success) return parsed.data;
    } catch {
      // Something else that begins with a brace.
    }
  }
  return null;
}
