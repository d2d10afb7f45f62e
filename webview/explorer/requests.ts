import { t } from '@vscode/l10n';
import type { ExplorerCommand, Protocol } from '../../src/views/explorer/protocol.ts';
import { RequestError, type Channel } from '../shared/channel.ts';
import type { ViewState } from './state.ts';

/** What a person asks of the run, or of VS Code, from here; what comes of it is said. */
export class Requests {
  readonly #channel: Channel<Protocol>;
  readonly #state: ViewState;
  readonly #say: (note: string) => void;

  constructor(channel: Channel<Protocol>, state: ViewState, say: (note: string) => void) {
    this.#channel = channel;
    this.#state = state;
    this.#say = say;
  }

  command(command: ExplorerCommand): void {
    this.#try(async () => this.#say((await this.#channel.request('command', { command })).message));
  }

  resumeRun(): void {
    this.#try(() => this.#channel.request('resume_run', {}));
  }

  showLog(): void {
    this.#try(() => this.#channel.request('show_log', {}));
  }

  /** The chosen path as a text document beside the explorer, at the cursor. */
  openDocument(): void {
    const { segment_id } = this.#state;
    if (segment_id === null) this.#say(t('Choose a rollout to open.'));
    else {
      const place = { segment_id, position: this.#position };
      this.#try(() => this.#channel.request('open_document', place));
    }
  }

  /** Other continuations of the chosen path, from the cursor on; `alternative`: a token id. */
  fork(alternative?: number): void {
    const { segment_id } = this.#state;
    const position = this.#position;
    if (segment_id === null || position === null) this.#say(t('Choose a token to fork at.'));
    else {
      const choice = alternative === undefined ? {} : { alternative };
      this.#try(() => this.#channel.request('fork', { segment_id, position, ...choice }));
    }
  }

  /** What the other completions of the prompt say where the cursor is. */
  siblings(): void {
    const { segment_id } = this.#state;
    const position = this.#position;
    if (segment_id === null || position === null) this.#say(t('Choose a token first.'));
    else this.#try(() => this.#channel.request('siblings', { segment_id, position }));
  }

  /** Of the token with the cursor; a mark stands before the token that is meant. */
  get #position(): number | null {
    const { position } = this.#state;
    return position === null ? null : Math.ceil(position);
  }

  #try(work: () => Promise<unknown>): void {
    work().catch((error: unknown) => this.#say(inWords(error)));
  }
}

/** What went wrong, and what to do next. */
export function inWords(error: unknown): string {
  return error instanceof RequestError && error.next !== ''
    ? `${error.message} ${error.next}`
    : messageOf(error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
