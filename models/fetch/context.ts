/** What every kind of pull is given, and what it gives back. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSettings, PullSettings } from '../settings.js';
import type { Precision } from '../weights.js';
import type { OnPullEvent } from './events.js';
import type { Http } from './http.js';

/** The options of a pull with everything decided. */
export interface PullContext {
  settings: PullSettings & Pick<ModelSettings, 'cache'>;
  env: Readonly<Record<string, string | undefined>>;
  cache: string;
  precision: Precision | undefined;
  name: string | undefined;
  version: string | undefined;
  digest: string | undefined;
  http: Http;
  random(): number;
  onEvent: OnPullEvent;
}

/** What is in the cache now. */
export interface Placed {
  name: string;
  version: string;
  /** It was there before. */
  already: boolean;
}

/** "<commit>-<precision>": a version of its own for each, since their files differ. */
export function hubVersion(commit: string, precision: Precision): string {
  return precision === 'none' ? commit.slice(0, 12) : `${commit.slice(0, 12)}-${precision}`;
}

export async function isInstalled(cache: string, name: string, version: string): Promise<boolean> {
  return stat(join(cache, 'models', name, version, 'manifest.json')).then(
    () => true,
    () => false,
  );
}
