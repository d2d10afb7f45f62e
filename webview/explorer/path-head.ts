import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { percent } from '../../src/views/model/scale.ts';
import type { PathView } from '../../src/views/model/shapes.ts';
import { iconButton } from '../shared/controls.ts';
import type { Explorer } from './explorer.ts';

/** The title of the path's pane: which parts the path is made of, and what can be done with it. */
export function pathHead(explorer: Explorer, view: PathView | null): TemplateResult {
  const { whitespace } = explorer.state;
  return html`<span class="pane-name">${t('Path')}</span>
    <span class="crumbs">${view === null ? nothing : crumbs(view)}</span>
    <span class="gap"></span>
    <span class="count">${view === null ? '' : t('{0} tokens', view.ends.length)}</span>
    ${iconButton({
      icon: 'goToFile',
      label: t('Open as document (o)'),
      onClick: () => explorer.requests.openDocument(),
      disabled: view === null,
    })}
    ${iconButton({
      icon: 'forked',
      label: t('Fork from here (b)'),
      onClick: () => explorer.requests.fork(),
      disabled: view === null,
    })}
    ${iconButton({
      icon: 'whitespace',
      label: t('Show white space'),
      onClick: () => explorer.setWhitespace(!whitespace),
      pressed: whitespace,
    })}
    ${iconButton({
      icon: 'close',
      label: t('Hide path'),
      onClick: () => explorer.togglePane('path'),
    })}`;
}

function crumbs(view: PathView): TemplateResult[] {
  return view.parts.map(
    ({ label, from, to }, i) =>
      html`${i === 0 ? nothing : html`<span class="dim"> › </span>`}<span
          title=${t(
            'Tokens {0} to {1} ({2})',
            from,
            to,
            percent((to - from) / Math.max(1, view.ends.length)),
          )}
          >${label}</span
        >`,
  );
}
