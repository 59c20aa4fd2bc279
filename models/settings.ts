/** Where models are looked for and where pulled ones are kept. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { flag, integer, type Setting, type Settings, text } from '../chassis/settings.js';

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

/** How models are pulled; names and meaning of HF_* are those of the hub's own tools, so that one environment serves both. */
export const pullSettings = {
  endpoint: text({
    env: 'HF_ENDPOINT',
    default: 'https://huggingface.co',
    unit: 'address',
    reason: 'The hub, or a mirror of it that speaks the same routes.',
  }),
  token: text({
    env: 'HF_TOKEN',
    default: '',
    unit: 'secret',
    reason: 'Token for private and gated models, sent to HF_ENDPOINT only. Empty: the file "token" in HF_HOME.',
  }),
  home: text({
    env: 'HF_HOME',
    default: '',
    unit: 'folder',
    reason:
      "Home of the hub's own tools: their token and their cache are used. Empty: huggingface in XDG_CACHE_HOME or ~/.cache.",
  }),
  offline: flag({
    env: 'HF_HUB_OFFLINE',
    default: false,
    reason: 'Never use the network: models come from the pull cache or from the cache in HF_HOME.',
  }),
  bytesMax: integer({
    env: 'PLEXUS_PULL_BYTES_MAX',
    default: 4 * 2 ** 30,
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    reason: 'Largest model that is pulled, all files together, so that a wrong id does not fill the disk.',
  }),
  connections: integer({
    env: 'PLEXUS_PULL_CONNECTIONS',
    default: 4,
    min: 1,
    max: 32,
    unit: 'count',
    reason: 'Files of one model downloaded at the same time.',
  }),
  tries: integer({
    env: 'PLEXUS_PULL_TRIES',
    default: 6,
    min: 1,
    max: 100,
    unit: 'count',
    reason: 'Tries in a row without a byte of progress before a pull gives up (what it has is kept and resumed).',
  }),
  stallMs: integer({
    env: 'PLEXUS_PULL_STALL_MS',
    default: 30_000,
    min: 50,
    max: 600_000,
    unit: 'ms',
    reason: 'A connection that sends no answer, or less than 16 KiB, in this time is dropped and resumed on a new one.',
  }),
} as const;

export type PullSettings = Settings<typeof pullSettings>;

/** The cache folder, absolute. */
export function cacheFolder(
  settings: Pick<ModelSettings, 'cache'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return resolve(settings.cache || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'plexus'));
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
