/** Where models are looked for and where pulled ones are kept. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Setting, type Settings, text } from '../chassis/settings.js';

/** Several folders, separated by "," or by the system's own separator of paths. */
function paths(spec: { env: string; reason: string }): Setting<readonly string[]> {
  const separator = process.platform === 'win32' ? /[,;]/ : /[,:]/;
  return {
    ...spec,
    unit: 'folders',
    default: [],
    allowed: 'folders separated by ":" or ","',
    parse: (value) =>
      value
        .split(separator)
        .map((item) => item.trim())
        .filter((item) => item !== ''),
  };
}

export const modelSettings = {
  folders: paths({
    env: 'PLEXUS_MODELS',
    reason: 'More folders with models, searched after the starter models and before the pull cache.',
  }),
  cache: text({
    env: 'PLEXUS_CACHE',
    default: '',
    unit: 'folder',
    reason: 'Where pulled models and unfinished downloads are kept. Empty: "plexus" in XDG_CACHE_HOME or ~/.cache.',
  }),
} as const;

export type ModelSettings = Settings<typeof modelSettings>;

/** The cache folder, absolute. */
export function cacheFolder(
  settings: Pick<ModelSettings, 'cache'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return resolve(settings.cache || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'plexus'));
}

/** Where pulled, imported and quantized models are installed. */
export function pulledFolder(
  settings: Pick<ModelSettings, 'cache'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return join(cacheFolder(settings, env), 'models');
}

/** The search path: the starter models, PLEXUS_MODELS, the pull cache. The first folder that has a version wins. */
export function modelFolders(
  settings: ModelSettings,
  packageRoot: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const all = [
    join(packageRoot, 'models', 'store'),
    ...settings.folders.map((folder) => resolve(folder)),
    pulledFolder(settings, env),
  ];
  return [...new Set(all)];
}
