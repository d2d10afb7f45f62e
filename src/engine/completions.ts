import type { Routes } from '../run/server.ts';
import type { Control } from './control.ts';
import type { Model } from './model.ts';

export function completionRoutes(_model: Model, _control: Control): Routes {
  return {};
}
