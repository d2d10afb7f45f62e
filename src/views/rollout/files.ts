import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { addressIn, queryOf, rolloutScheme, titlePath, type RolloutAddress } from './address.ts';
import { sentenceOf, type RolloutDocuments } from './documents.ts';
import type { Rollout } from './rollout.ts';

export function uriOf(rollout: Rollout): vscode.Uri {
  const { address, run, key, parts } = rollout;
  const segment = parts.at(-1)?.segment;
  const { kind, attempt } = segment ?? { kind: 'root', attempt: 0 };
  const path = titlePath({ run: run.name, ...key, kind, attempt }, address);
  return vscode.Uri.from({ scheme: rolloutScheme, path, query: queryOf(address) });
}

export function addressOf(uri: vscode.Uri): RolloutAddress | null {
  return uri.scheme === rolloutScheme ? addressIn(uri.query) : null;
}

const nothing = new vscode.Disposable(() => undefined);

/**
 * Rollouts as files that can only be read. VS Code restores editors of files with their cursor after
 * a reload, which it does not for virtual documents. They are UTF-16 with a byte order mark: it
 * keeps every string that a model may write, halves of characters and NUL included.
 */
export class RolloutFiles implements vscode.FileSystemProvider {
  readonly #documents: RolloutDocuments;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;

  constructor(documents: RolloutDocuments) {
    this.#documents = documents;
  }

  static register(documents: RolloutDocuments): vscode.Disposable {
    const files = new RolloutFiles(documents);
    const readOnly = new vscode.MarkdownString(
      t('A rollout is what a model wrote: it is read only.'),
    );
    return vscode.workspace.registerFileSystemProvider(rolloutScheme, files, {
      isCaseSensitive: true,
      isReadonly: readOnly,
    });
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const document = await this.#documents.open(this.#address(uri));
    return {
      type: vscode.FileType.File,
      ctime: 0,
      mtime: document.read,
      size: encoded(sentenceOf(document.state)).length,
      permissions: vscode.FilePermission.Readonly,
    };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const document = await this.#documents.open(this.#address(uri));
    return encoded(sentenceOf(document.state));
  }

  /** What is read never changes. */
  watch(): vscode.Disposable {
    return nothing;
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  #address(uri: vscode.Uri): RolloutAddress {
    const address = addressOf(uri);
    if (address === null) throw vscode.FileSystemError.FileNotFound(uri);
    return address;
  }
}

const encoded = (text: string): Uint8Array => Buffer.from(`\ufeff${text}`, 'utf16le');
