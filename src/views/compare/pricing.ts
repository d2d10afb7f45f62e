import * as vscode from 'vscode';
import type { Pricing } from '../../compare/model.ts';
import { section, settings } from '../ids.ts';

/** What training costs, as the settings say it. Without a price there is no axis of costs. */
export function pricing(): Pricing {
  const configuration = vscode.workspace.getConfiguration(section);
  const price = (key: string): number | null => {
    const value = configuration.get<unknown>(key);
    return typeof value === 'number' && value > 0 ? value : null;
  };
  const currency = configuration.get<unknown>(settings.currency);
  return {
    per_hour: price(settings.pricePerHour),
    per_million_tokens: price(settings.pricePerMillionTokens),
    currency: typeof currency === 'string' && currency !== '' ? currency : '$',
  };
}
