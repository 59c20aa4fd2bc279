/** docs/models.md, from the manifests of the starter models. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../models/index.js';
import { packageRoot } from '../protos/index.js';

export function modelsPage(): string {
  const manifests = starterManifests();
  const rows = manifests.map((manifest) => {
    const { name, version, task, architecture, precision, licence } = manifest;
    return `| [${name}@${version}](#${name}) | ${task} | ${architecture} | ${precision === 'none' ? '' : precision} | ${megabytes(manifest)} | ${licence} |`;
  });
  const total = manifests.reduce((sum, manifest) => sum + bytesOf(manifest), 0);
  return `# Starter models

Made from the manifests in \`models/store\` by \`npm run docs\`. They are trained or distilled by the scripts in
[models/training](../models/training); \`test/accuracy\` computes figures again where the data is at hand. Together
${(total / 1e6).toFixed(1)} MB.

None of them writes new sentences: a summarizer that does, is small enough to ship and that a person would call useful could not be
trained here. \`plexus models pull\` brings one (T5, BART, Marian, Pegasus, Llama and GPT-2 layouts run).

| model | task | architecture | precision | size | licence |
|---|---|---|---|---|---|
${rows.join('\n')}

${manifests.map(section).join('\n')}`;
}

function section({ name, source, quality = [], weaknesses = [], classify }: Manifest): string {
  const figures = quality.map(
    ({ metric, value, set, rows, note }) => `| ${metric} | ${value} | ${set} | ${rows ?? ''} | ${note ?? ''} |`,
  );
  return [
    `## ${name}`,
    '',
    source,
    '',
    ...(classify && classify.labels.length > 4
      ? [`Labels: ${classify.labels.length}: ${classify.labels.join(', ')}.`, '']
      : []),
    ...(figures.length > 0 ? ['| metric | value | set | rows | note |', '|---|---|---|---|---|', ...figures, ''] : []),
    ...(weaknesses.length > 0 ? ['Weak at:', '', ...weaknesses.map((weakness) => `- ${weakness}`), ''] : []),
  ].join('\n');
}

function starterManifests(): Manifest[] {
  const store = join(packageRoot, 'models', 'store');
  return readdirSync(store)
    .sort()
    .flatMap((name) =>
      readdirSync(join(store, name)).map(
        (version) => JSON.parse(readFileSync(join(store, name, version, 'manifest.json'), 'utf8')) as Manifest,
      ),
    );
}

function bytesOf({ files }: Manifest): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function megabytes(manifest: Manifest): string {
  const bytes = bytesOf(manifest);
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
