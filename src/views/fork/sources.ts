import { t } from '@vscode/l10n';
import type { SecretStorage } from 'vscode';
import { PlainError, messageOf } from '../../common/errors.ts';
import { newestCheckpoint, type Policies, type PolicyLease } from '../../launch/policies.ts';
import { isLive } from '../../run/status.ts';
import type { RunStore } from '../../run/store.ts';
import { labelOf, type ForkSource } from './ask.ts';
import type { Server } from './client.ts';
import type { ForkSources } from './fork.ts';
import { apiKeyOf } from './servers.ts';

/** Where continuations of a run come from, and who scores them. */

type ForkedRun = Pick<RunStore, 'directory' | 'manifest' | 'status'>;

/** The run's own policy: while it lives its engine, afterwards its newest checkpoint. */
export async function ownSource(store: ForkedRun): Promise<ForkSource[]> {
  const { manifest, status, directory } = store;
  if (isLive(status)) return manifest.endpoint === null ? [] : [{ kind: 'live', name: '' }];
  const name = manifest.engine.name === 'built-in' ? await newestCheckpoint(directory) : null;
  return name === null ? [] : [{ kind: 'checkpoint', name }];
}

interface SourceInputs {
  store: ForkedRun;
  policies: Policies;
  secrets: SecretStorage;
  /** For the log. */
  warn: (message: string) => void;
}

/**
 * Who is asked, and who scores. `release` when both have answered: a policy that is served for us
 * is let go. Rejects where the chosen source can't be had.
 */
export async function sourcesOf(
  { store, policies, secrets, warn }: SourceInputs,
  source: ForkSource,
  signal: AbortSignal,
): Promise<{ sources: ForkSources; release: () => void }> {
  const [own] = await ownSource(store);
  let lease: PolicyLease | null = null;
  let endpoint: Server | null = null;
  try {
    if (own?.kind === 'live' && store.manifest.endpoint !== null) {
      endpoint = ownServer(store, own, store.manifest.endpoint);
    } else if (own?.kind === 'checkpoint') {
      lease = await policies.acquire(store.directory, signal);
      endpoint = ownServer(store, own, lease.endpoint);
    }
  } catch (error) {
    // Another server answers all the same; only nobody scores what it says.
    if (source.kind !== 'server' || signal.aborted) throw error;
    warn(messageOf(error));
  }
  const release = () => lease?.dispose();
  if (source.kind === 'server') {
    const { name, baseUrl, model } = source.server;
    const apiKey = await apiKeyOf(secrets, source.server);
    const sampler = { name, baseUrl, model, apiKey, own: false };
    return { sources: { sampler, origin: { source: 'server', name }, own: endpoint }, release };
  }
  if (own === undefined || endpoint === null) {
    release();
    throw new PlainError(
      t('The run has just ended, without a checkpoint.'),
      t('Ask another server.'),
    );
  }
  // The live policy may have become a checkpoint while somebody chose.
  const origin = { source: own.kind, name: own.name };
  return { sources: { sampler: endpoint, origin, own: endpoint }, release };
}

function ownServer(
  { manifest }: ForkedRun,
  source: ForkSource,
  { url, token }: { url: string; token: string },
): Server {
  const name = `${manifest.name} (${labelOf(source)})`;
  return { name, baseUrl: `${url.replace(/\/$/, '')}/v1`, apiKey: token, model: '', own: true };
}
