/** `plexus models calibrate <model> <file>`: fits a calibration on labelled texts and says, on others, what it changes. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { MeshError } from '../../chassis/errors.js';
import { type Calibration, installCalibrated, parseReference } from '../../models/index.js';
import { fitCalibration, type Labelled, type Trust, trustOf } from '../../services/classify/fit.js';
import type { Io } from '../io.js';
import { table } from '../table.js';
import { idOf, openCache, openRepository, writeJson } from './place.js';

interface CalibrateFlags {
  method: string;
  as?: string;
  json?: boolean;
}

const METHODS: readonly Calibration['method'][] = ['temperature', 'platt', 'isotonic'];
const ROWS_MIN = 20;
const ROWS_MAX = 100_000;

export function registerCalibrate(models: Command, io: Io): void {
  models
    .command('calibrate')
    .description("make a classifier's scores believable: fit on every other labelled text, measure on the rest")
    .argument('<model>', 'name or name@version')
    .argument(
      '<file>',
      'labelled texts the model was not trained on: JSON lines {"text", "label"}, or "label<tab>text"',
    )
    .option('--method <method>', METHODS.join(', '), 'temperature')
    .option('--as <version>', 'install it as this new version, where it helps; default: only say what it would change')
    .option('--json', 'print the calibration as JSON')
    .action(async (reference: string, file: string, flags: CalibrateFlags) => {
      const method = METHODS.find((each) => each === flags.method);
      if (!method) throw new MeshError('USAGE', `--method takes ${METHODS.join(', ')}, not ${flags.method}`);
      const model = await openRepository(io).find(parseReference(reference));
      const { classify } = model.manifest;
      if (classify?.activation !== 'softmax' || classify.level === 'token')
        throw new MeshError(
          'MODEL_UNSUPPORTED',
          `${idOf(model)} does not choose one of several labels for a text; only such scores are calibrated`,
        );
      const texts = await readLabelled(file, classify.labels);
      const { logitsOf } = await import('./measure.js');
      const logits = await logitsOf(
        model,
        texts.map(({ text }) => text),
      );
      const rows = texts.map(({ label }, index): Labelled => ({ logits: logits[index] as Float32Array, label }));
      const fitted = rows.filter((_, index) => index % 2 === 0);
      const heldOut = rows.filter((_, index) => index % 2 === 1);
      const found = fitCalibration(method, fitted, classify.labels.length);
      const before = trustOf(heldOut);
      const after = trustOf(heldOut, found);
      const calibration: Calibration = {
        ...found,
        fitted: {
          set: basename(file),
          rows: fitted.length,
          heldOut: heldOut.length,
          eceBefore: round(before.ece),
          eceAfter: round(after.ece),
          nllBefore: round(before.nll),
          nllAfter: round(after.nll),
        },
      };
      const helps = after.nll < before.nll && after.ece <= before.ece;
      const made =
        flags.as !== undefined && helps
          ? await installCalibrated(model, calibration, { cache: openCache(io), version: flags.as })
          : undefined;
      if (flags.json) return writeJson(io, { calibration, installed: made ? idOf(made) : null });
      io.stdout.write(`${describe(found)}, fitted on ${fitted.length} texts; on ${heldOut.length} others:\n`);
      const row = (name: string, { accuracy, ece, nll }: Trust): string[] => [
        name,
        ...[accuracy, ece, nll].map((value) => value.toFixed(4)),
      ];
      io.stdout.write(`${table(['', 'accuracy', 'ECE', 'NLL'], [row('before', before), row('after', after)])}\n`);
      if (made) io.stdout.write(`${idOf(made)} installed\n`);
      else if (!helps) io.stdout.write('not installed: it does not help on texts it was not fitted on\n');
      else io.stdout.write(`not installed: give a version with --as\n`);
    });
}

function describe(calibration: Calibration): string {
  if (calibration.method === 'temperature') return `temperature ${calibration.temperature}`;
  return calibration.method === 'platt' ? 'a logistic curve a label' : 'a rising curve a label';
}

/** Texts and the places of their labels; the message names the line that is wrong. */
async function readLabelled(path: string, labels: readonly string[]): Promise<{ text: string; label: number }[]> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new MeshError('USAGE', `${path} cannot be read (${error.code})`);
  });
  const rows: { text: string; label: number }[] = [];
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const where = `${path}, line ${index + 1}`;
    const { text, label } = readLine(line, where);
    const place = labels.indexOf(label);
    if (place < 0)
      throw new MeshError(
        'USAGE',
        `${where}: ${JSON.stringify(label.slice(0, 80))} is not a label of the model; it has ${labels.slice(0, 10).join(', ')}`,
      );
    rows.push({ text, label: place });
    if (rows.length > ROWS_MAX) throw new MeshError('USAGE', `${path} has more than ${ROWS_MAX} texts`);
  }
  if (rows.length < ROWS_MIN)
    throw new MeshError('USAGE', `${path} has ${rows.length} texts; at least ${ROWS_MIN} are needed`);
  return rows;
}

function readLine(line: string, where: string): { text: string; label: string } {
  if (!line.startsWith('{')) {
    const tab = line.indexOf('\t');
    if (tab < 0) throw new MeshError('USAGE', `${where}: is neither JSON nor a label, a tab and a text`);
    return { label: line.slice(0, tab), text: line.slice(tab + 1) };
  }
  let value: { text?: unknown; label?: unknown };
  try {
    value = JSON.parse(line) as typeof value;
  } catch (error) {
    throw new MeshError('USAGE', `${where}: is not JSON: ${(error as Error).message}`);
  }
  if (typeof value.text !== 'string' || typeof value.label !== 'string')
    throw new MeshError('USAGE', `${where}: must have the strings "text" and "label"`);
  return { text: value.text, label: value.label };
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
