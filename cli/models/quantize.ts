/** `plexus models quantize <model>`: a new int8 version beside the fp32 one, with size, speed and drift in its manifest. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { MeshError } from '../../chassis/errors.js';
import { hasFp32, type ModelReference, parseReference, quantizeModel, type StoredModel } from '../../models/index.js';
import type { Io } from '../io.js';
import { formatBytes } from './format.js';
import { idOf, openCache, openRepository, writeJson } from './place.js';
import { SAMPLE_TEXTS } from './sample-texts.js';

interface QuantizeFlags {
  as?: string;
  sample?: string;
  fullRange?: boolean;
  measure: boolean;
  json?: boolean;
}

const SAMPLE_MAX = 2_000;

export function registerQuantize(models: Command, io: Io): void {
  models
    .command('quantize')
    .description('make an int8 version of an fp32 model (dynamic quantization, one scale a channel)')
    .argument('<model>', 'name or name@version')
    .option('--int8', 'the only precision there is for now, and the default')
    .option('--as <version>', 'of the new version; default: <version>-int8')
    .option('--sample <file>', 'texts to measure on, one a line; default: a few sentences of several languages')
    .option('--full-range', '8 bits of a weight instead of 7: a little more exact, wrong on processors without VNNI')
    .option('--no-measure', 'do not run the models')
    .option('--json', 'print the new manifest as JSON')
    .action(async (reference: string, flags: QuantizeFlags) => {
      const model = await findFp32(io, parseReference(reference));
      const texts = flags.sample === undefined ? SAMPLE_TEXTS : await readSample(flags.sample);
      const made = await quantizeModel(model, {
        cache: openCache(io),
        version: flags.as,
        fullRange: flags.fullRange === true,
        onPart: (part, { matMuls, tables, kept }) => {
          io.stderr.write(`${part}: ${matMuls} matrix products and ${tables} tables are integers now\n`);
          for (const { name, why } of kept) io.stderr.write(`  ${name} stays float: it ${why}\n`);
        },
        ...(flags.measure && {
          measure: async (before, after) => (await import('./measure.js')).measurePair(before, after, texts),
        }),
      });
      if (flags.json) return writeJson(io, made.manifest);
      const { derived } = made.manifest;
      if (!derived) return;
      io.stdout.write(
        `${idOf(made)} installed: ${formatBytes(derived.bytesBefore)} to ${formatBytes(derived.bytesAfter)}\n`,
      );
      const { textsPerSecondBefore, textsPerSecondAfter, drift } = derived;
      if (!drift) {
        io.stdout.write('not measured: speed and drift are known for embedders and classifiers of text only\n');
        return;
      }
      io.stdout.write(
        `speed ${textsPerSecondBefore} to ${textsPerSecondAfter} texts/s (one at a time, one thread, ${drift.texts} texts)\n`,
      );
      const labels = drift.sameLabel === undefined ? '' : `, same label ${(drift.sameLabel * 100).toFixed(1)} %`;
      io.stdout.write(`drift: cosine ${drift.cosineMean} on average, ${drift.cosineMin} at worst${labels}\n`);
    });
}

/** Without a version: the newest that has fp32 weights, since the newest of all may be our own int8 one. */
async function findFp32(io: Io, reference: ModelReference): Promise<StoredModel> {
  const repository = openRepository(io);
  if (reference.version !== undefined) return repository.find(reference);
  const versions = (await repository.list()).filter(({ manifest }) => manifest.name === reference.name);
  return versions.find(({ manifest }) => hasFp32(manifest)) ?? repository.find(reference);
}

async function readSample(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new MeshError('USAGE', `--sample: ${path} cannot be read (${error.code})`);
  });
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new MeshError('USAGE', `--sample: ${path} has no texts`);
  return lines.slice(0, SAMPLE_MAX);
}
