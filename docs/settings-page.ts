/** docs/settings.md, from the declarations of every room. */
import { metricsSettings } from '../chassis/metrics-server.js';
import { processSettings } from '../chassis/process.js';
import { serverSettings } from '../chassis/server.js';
import type { Setting } from '../chassis/settings.js';
import { tlsSettings } from '../chassis/tls.js';
import { gatewaySettings, upstreamSettings } from '../gateway/index.js';
import { httpSettings } from '../gateway/main.js';
import { generatorSettings } from '../inference/generate/index.js';
import { inferenceSettings, tensorSettings } from '../inference/index.js';
import { modelSettings, pullSettings } from '../models/index.js';
import { consulSettings, registrySettings } from '../registry/index.js';
import { serviceSettings } from '../services/settings.js';
import { loadSettings } from '../services/start.js';
import { summarizeSettings } from '../services/summarize/settings.js';

type Spec = Readonly<Record<string, Setting<unknown>>>;

const GROUPS: readonly [title: string, who: string, spec: Spec][] = [
  ['Process', 'every process', processSettings],
  ['Server', 'every process', serverSettings],
  ['TLS', 'every process', tlsSettings],
  ['Registry', 'every process', registrySettings],
  ['Consul', 'every process, with the Consul registry', consulSettings],
  ['Models', 'services and the CLI', modelSettings],
  ['Pull', '`plexus models pull` and `import`', pullSettings],
  [
    'Services',
    'tokenize, embed, classify, summarize and infer',
    { ...serviceSettings, ...loadSettings, ...metricsSettings },
  ],
  ['Inference', 'embed, classify, summarize and infer', inferenceSettings],
  ['Tensors', 'infer', tensorSettings],
  ['Summarize', 'summarize', summarizeSettings],
  ['Generation', 'summarize, for models that write', generatorSettings],
  ['Gateway', 'the gateway', { ...httpSettings, ...gatewaySettings }],
  ['Upstream', 'the gateway, for its calls to the services', upstreamSettings],
];

export function settingsPage(): string {
  const sections = GROUPS.map(([title, who, spec]) => {
    const rows = Object.values(spec).map(
      ({ env, unit, default: value, allowed, reason }) =>
        `| \`${env}\` | ${show(value)} | ${unit} | ${allowed} | ${reason.replaceAll('|', '\\|')} |`,
    );
    return `## ${title}\n\nRead by ${who}.\n\n| variable | default | unit | allowed | what for, and why this default |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Settings

Made from the declarations in the code by \`npm run docs\`. Settings are environment variables, read once when a process
starts; a process with a wrong one does not start and says all that is wrong with it.

${sections.join('\n')}`;
}

function show(value: unknown): string {
  if (value instanceof Map) return show([...value].map(([key, each]) => `${key}=${each}`));
  if (value === '' || (Array.isArray(value) && value.length === 0)) return 'none';
  return `\`${Array.isArray(value) ? value.join(',') : String(value)}\``;
}
