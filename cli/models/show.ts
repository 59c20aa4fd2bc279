/** `plexus models show <model>`: everything a manifest says, for people; with --json the manifest itself. */
import type { Command } from 'commander';
import { type Manifest, parseReference } from '../../models/index.js';
import type { Io } from '../io.js';
import { table } from '../table.js';
import { formatBytes } from './format.js';
import { bytesOf, openRepository, writeJson } from './place.js';

const LABELS_SHOWN = 20;

export function registerShow(models: Command, io: Io): void {
  models
    .command('show')
    .description('show the manifest of a model, written or inferred')
    .argument('<model>', 'name or name@version')
    .option('--json', 'print the manifest as JSON')
    .action(async (reference: string, { json }: { json?: boolean }) => {
      const { manifest, folder, inferred } = await openRepository(io).find(parseReference(reference));
      if (json) return writeJson(io, manifest);
      const rows = [
        ...facts(manifest),
        ['folder', folder],
        ['manifest', inferred ? 'inferred from the files' : 'written'],
      ];
      io.stdout.write(`${rows.map(([name = '', value = '']) => `${name.padEnd(14)}${value}`).join('\n')}\n\n`);
      io.stdout.write(
        `${table(
          ['file', 'bytes', 'sha256'],
          manifest.files.map(({ path, bytes, sha256 }) => [path, String(bytes), sha256]),
        )}\n`,
      );
    });
}

function facts(manifest: Manifest): string[][] {
  const { embed, classify, summarize, infer, training, derived } = manifest;
  const rows: (string[] | false | undefined)[] = [
    ['name', manifest.name],
    ['version', manifest.version],
    ['task', manifest.task],
    ['architecture', manifest.architecture],
    ['precision', manifest.precision],
    ['size', formatBytes(bytesOf({ manifest }))],
    ['tokens', `at most ${manifest.maxTokens}`],
    embed && ['vectors', `${embed.dimensions} long, ${embed.pooling} pooling${embed.normalize ? ', unit length' : ''}`],
    ...Object.entries(embed?.prompts ?? {}).map(([name, text]) => [
      'prompt',
      `${name}${name === embed?.defaultPrompt ? ' (default)' : ''}: ${JSON.stringify(text)}`,
    ]),
    classify && ['labels', labels(classify.labels)],
    classify && ['activation', `${classify.activation}${classify.multiLabel ? ', several labels a text' : ''}`],
    summarize && [
      'summaries',
      `${summarize.mode}${summarize.embedder ? `, by ${summarize.embedder}` : ''}${summarize.prefix ? `, prefix ${JSON.stringify(summarize.prefix)}` : ''}`,
    ],
    infer && ['tensors', infer.batchable ? 'calls may share a run' : 'one call a run'],
    ['licence', manifest.licence],
    ['source', manifest.source],
    manifest.created !== undefined && ['created', manifest.created],
    training && ['training', `${training.script}, seed ${training.seed}`],
    ...(training?.data ?? []).map((data) => [
      'data',
      `${data.name}: ${data.rows} rows, ${data.licence}, ${data.source}`,
    ]),
    ...(manifest.quality ?? []).map((each) => [
      'quality',
      `${each.metric} ${each.value} on ${each.set}${each.rows ? ` (${each.rows} rows)` : ''}${each.note ? `; ${each.note}` : ''}`,
    ]),
    ...(manifest.weaknesses ?? []).map((weakness) => ['weakness', weakness]),
    derived && [
      'made from',
      `${derived.from} by ${derived.how}: ${formatBytes(derived.bytesBefore)} to ${formatBytes(derived.bytesAfter)}`,
    ],
    derived?.drift && [
      'drift',
      `cosine ${derived.drift.cosineMean.toFixed(5)} on average, ${derived.drift.cosineMin.toFixed(5)} at worst, ${derived.drift.texts} texts`,
    ],
    derived?.textsPerSecondAfter !== undefined && [
      'speed',
      `${derived.textsPerSecondAfter.toFixed(0)} texts/s, before ${derived.textsPerSecondBefore?.toFixed(0)}`,
    ],
    ['digest', manifest.digest],
  ];
  return rows.filter((row) => Array.isArray(row));
}

function labels(all: readonly string[]): string {
  const shown = all.slice(0, LABELS_SHOWN).join(', ');
  return all.length > LABELS_SHOWN ? `${all.length}: ${shown}, …` : shown;
}
