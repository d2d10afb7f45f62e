import { t } from '@vscode/l10n';
import type { Alternatives, SegmentSummary, SegmentTokens } from '../../run/model/segment.ts';
import { explainFailure, explainToken, type Watching } from './explain.ts';
import type {
  Alternative,
  Branch,
  PathMark,
  PathPart,
  PathView,
  TokenDetail,
  TreeRow,
} from './shapes.ts';
import { boundNote } from './probe.ts';
import { utf16Ends } from './text.ts';
import { pathOf, treeRows } from './tree.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Whatever JSON can't say is not measured. */
const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** A part of a path: positions `[from, to)`, which are the first own tokens of `segment`. */
export interface PartOfPath {
  segment: SegmentSummary;
  from: number;
  to: number;
}

/**
 * Which own tokens of which segments make up the path to the end of `segment_id`. Throws where the
 * run has no such segment.
 */
export function partsOf(segments: readonly SegmentSummary[], segment_id: number): PartOfPath[] {
  const path = pathOf(segments, segment_id);
  if (path.length === 0) throw new Error(t('This run has no segment {0}.', segment_id));
  const parts: PartOfPath[] = [];
  for (const segment of path) {
    for (let last = parts.at(-1); last !== undefined; last = parts.at(-1)) {
      last.to = Math.min(last.to, segment.fork_at);
      if (last.to > last.from) break;
      parts.pop();
    }
    const from = parts.at(-1)?.to ?? 0;
    parts.push({ segment, from, to: from + segment.length });
  }
  return parts;
}

/** @param tokens of each part's segment, in order */
export function pathView(
  segments: readonly SegmentSummary[],
  parts: readonly PartOfPath[],
  tokens: readonly SegmentTokens[],
  rules: Watching,
  vocabulary: Vocabulary,
): PathView {
  const last = parts.at(-1)?.segment;
  if (last === undefined) throw new Error('A path has at least one segment.');
  const rows = new Map(treeRows(segments).map((row) => [row.segment_id, row]));
  const length = parts.at(-1)?.to ?? 0;
  const ends = new Uint32Array(length);
  const values = {
    entropy: new Float32Array(length),
    max_prob: new Float32Array(length),
    logprob: new Float32Array(length),
    advantage: new Float32Array(length),
  };
  let text = '';
  parts.forEach(({ from, to }, i) => {
    const own = tokens[i];
    if (own === undefined) return;
    const count = Math.min(to - from, own.token_ids.length);
    const ownEnds = utf16Ends(own.text, own.token_ends.subarray(0, count));
    for (let j = 0; j < count; j++) ends[from + j] = text.length + (ownEnds[j] ?? 0);
    for (const mode of ['entropy', 'max_prob', 'logprob', 'advantage'] as const) {
      values[mode].set(own[mode].subarray(0, count), from);
    }
    // The last token of a whole segment may leave text behind it: an unfinished character.
    text += to - from < own.token_ids.length ? own.text.slice(0, ownEnds.at(-1) ?? 0) : own.text;
  });
  return {
    segment_id: last.segment_id,
    text,
    ends,
    ...values,
    parts: parts.map(({ segment, from, to }) => partOf(segment, rows, from, to)),
    marks: marksOf(segments, parts, rows, rules, vocabulary),
    status: last.status,
  };
}

function partOf(
  segment: SegmentSummary,
  rows: ReadonlyMap<number, TreeRow>,
  from: number,
  to: number,
): PathPart {
  const { segment_id, temperature, attempt, kind } = segment;
  return {
    segment_id,
    label: rows.get(segment_id)?.label ?? t('segment {0}', segment_id),
    from,
    to,
    temperature,
    attempt,
    kind,
  };
}

export function alternativesOf(
  top: Alternatives | null | undefined,
  sampled: number | null,
  vocabulary: Vocabulary,
): Alternative[] {
  if (top === null || top === undefined) return [];
  return Array.from(top.ids, (token_id, i) => ({
    token_id,
    text: vocabulary.textOf(token_id),
    probability: finite(Math.exp(top.logprobs[i] ?? NaN)),
    sampled: token_id === sampled,
  }));
}

/** Failure points and forks along the path, in order of position. */
function marksOf(
  segments: readonly SegmentSummary[],
  parts: readonly PartOfPath[],
  rows: ReadonlyMap<number, TreeRow>,
  rules: Watching,
  vocabulary: Vocabulary,
): PathMark[] {
  const marks = new Map<number, PathMark>();
  const markAt = (at: number): PathMark => {
    const mark = marks.get(at) ?? { at, failure: null, branches: [] };
    marks.set(at, mark);
    return mark;
  };
  parts.forEach(({ segment, from, to }, i) => {
    const { failure_point, trigger, failure_max_prob, failure_entropy } = segment;
    if (failure_point !== null && failure_point <= to) {
      const failure = { trigger, max_prob: failure_max_prob, entropy: failure_entropy };
      markAt(failure_point).failure = {
        ...failure,
        alternatives: alternativesOf(segment.failure_top, null, vocabulary),
        sentence: explainFailure(failure, rules),
      };
    }
    const next = parts[i + 1]?.segment.segment_id ?? null;
    for (const child of segments) {
      if (child.parent_id !== segment.segment_id) continue;
      if (child.fork_at < from || child.fork_at > to) continue;
      markAt(child.fork_at).branches.push(branchOf(child, rows, child.segment_id === next));
    }
    // Where the parent itself went on, its own continuation is a branch too.
    if (next !== null && segment.length > to - from) {
      markAt(to).branches.unshift(branchOf(segment, rows, false));
    }
  });
  return [...marks.values()].sort((a, b) => a.at - b.at);
}

function branchOf(
  segment: SegmentSummary,
  rows: ReadonlyMap<number, TreeRow>,
  taken: boolean,
): Branch {
  const { segment_id, reward, status } = segment;
  const row = rows.get(segment_id);
  const judged = row?.right === null || row === undefined ? null : row.right ? 'right' : 'wrong';
  const outcome = status === 'truncated' ? 'cut' : (judged ?? status);
  return { segment_id, label: row?.label ?? t('segment {0}', segment_id), outcome, reward, taken };
}

/** Everything known about the token at `position` of the path. */
export function tokenDetail(
  part: PartOfPath,
  tokens: SegmentTokens,
  label: string,
  position: number,
  rules: Watching,
  vocabulary: Vocabulary,
): TokenDetail {
  const { segment, from } = part;
  const i = position - from;
  const token_id = tokens.token_ids[i];
  if (token_id === undefined) throw new Error(t('The path has no token {0}.', position));
  const ends = utf16Ends(tokens.text, tokens.token_ends.subarray(0, i + 1));
  const text = tokens.text.slice(i === 0 ? 0 : (ends[i - 1] ?? 0), ends[i] ?? 0);
  const logprob = tokens.logprob[i] ?? NaN;
  const max_prob = tokens.max_prob[i] ?? NaN;
  const entropy = tokens.entropy[i] ?? NaN;
  const alternatives = alternativesOf(tokens.top.get(i), token_id, vocabulary);
  const train = tokens.train_logprob?.[i];
  return {
    position,
    token_id,
    text,
    name: text === '' ? vocabulary.textOf(token_id) : null,
    entropy: finite(entropy),
    max_prob: finite(max_prob),
    logprob: finite(logprob),
    advantage: finite(tokens.advantage[i]),
    rank: rankOf(alternatives, logprob),
    temperature: segment.temperature,
    attempt: segment.attempt,
    label,
    ratio: finite(Math.exp((train ?? NaN) - logprob)),
    ref_logprob: finite(tokens.ref_logprob?.[i]),
    alternatives,
    alternatives_note: noteOn(alternatives, segment),
    sentence: explainToken(
      { position, max_prob, entropy, kind: segment.kind, first: position === from },
      rules,
    ),
  };
}

function rankOf(alternatives: readonly Alternative[], logprob: number): string {
  const index = alternatives.findIndex((alternative) => alternative.sampled);
  if (index >= 0) return String(index + 1);
  // Whatever the temperature, more than half of the mass can only be the first.
  if (Math.exp(logprob) > 0.5) return '1';
  return alternatives.length > 0 ? `> ${alternatives.length}` : t('unknown');
}

function noteOn(alternatives: readonly Alternative[], { kind, origin }: SegmentSummary): string {
  if (alternatives.length === 0) {
    return kind === 'probe'
      ? t('No alternatives are known.')
      : t('No alternatives recorded: the policy was sure.');
  }
  if (origin?.uncertainty === 'lower_bound') return boundNote();
  const rest = 1 - alternatives.reduce((sum, { probability }) => sum + (probability ?? 0), 0);
  return rest >= 0.005 ? t('All others together {0}.', rest.toFixed(2)) : '';
}
