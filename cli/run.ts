/** `plexus run <pipeline>`: runs a pipeline through the gateway and prints its output with the time of every step. */
import type { Command } from 'commander';
import { fromStruct, toStruct, UNLIMITED } from '../chassis/struct.js';
import { createClient } from '../client/index.js';
import type { RunResponse__Output } from '../protos/gen/plexus/v1/RunResponse.js';
import type { RunStreamResponse__Output } from '../protos/gen/plexus/v1/RunStreamResponse.js';
import { gatewayAddress, withAddress } from './gateway-address.js';
import { readJson, readText, readTimeout } from './input.js';
import type { Io } from './io.js';
import { withProgress } from './progress.js';
import { table } from './table.js';

interface RunFlags {
  address?: string;
  timeout: string;
  file?: string;
  input?: string;
  json?: boolean;
}

export function registerRun(program: Command, io: Io): void {
  withAddress(program.command('run'))
    .description('run a pipeline: plexus run analyze --file article.txt')
    .argument('<pipeline>', 'name or name@version')
    .argument('[text...]', 'becomes the input field "text"')
    .option('--file <path>', 'read the text from a file ("-": standard input)')
    .option('--input <json>', 'the whole input, or fields beside the text, as a JSON object')
    .option('--json', 'print the whole response as JSON')
    .action(async (pipeline: string, words: string[], flags: RunFlags) => {
      const given = flags.input === undefined ? {} : readJson('--input', flags.input);
      const needsText = words.length > 0 || flags.file !== undefined || flags.input === undefined;
      const input = needsText ? { ...given, text: await readText(words, flags.file) } : given;
      const client = createClient(gatewayAddress(flags, io));
      const running = new Set<string>();
      try {
        const done = await withProgress(
          io,
          () => `${pipeline}: ${[...running].join(', ') || 'starting'}`,
          () =>
            follow(
              client.pipelines.runStream(
                { pipeline, input: toStruct(input) },
                { timeoutMs: readTimeout(flags.timeout) },
              ),
              running,
            ),
        );
        io.stdout.write(flags.json ? `${JSON.stringify(plain(done), undefined, 2)}\n` : show(done));
      } finally {
        client.close();
      }
    });
}

async function follow(
  events: AsyncIterable<RunStreamResponse__Output>,
  running: Set<string>,
): Promise<RunResponse__Output> {
  for await (const { started, finished, done } of events) {
    if (started) running.add(started.name);
    if (finished) running.delete(finished.name);
    if (done) return done;
  }
  throw new Error('the stream of the run ended without its result');
}

function plain(response: RunResponse__Output): object {
  return { ...response, output: fromStruct(response.output, 'output', UNLIMITED) };
}

function show({ pipeline, version, output, steps, degraded, totalMs, usage }: RunResponse__Output): string {
  const lines: string[] = [];
  for (const [key, value] of Object.entries(fromStruct(output, 'output', UNLIMITED))) lines.push(...field(key, value));
  lines.push('');
  lines.push(
    table(
      ['step', 'call', 'outcome', 'start', 'ms', 'model', 'instance'],
      steps.map(({ name, call, outcome, startedMs, durationMs, model, items }) => [
        name,
        call + (items > 1 ? ` x${items}` : ''),
        outcome.replace('STEP_OUTCOME_', '').toLowerCase(),
        outcome === 'STEP_OUTCOME_SKIPPED' ? '' : startedMs.toFixed(1),
        outcome === 'STEP_OUTCOME_SKIPPED' ? '' : durationMs.toFixed(1),
        model ? `${model.name}@${model.version}` : '',
        model?.instance ?? '',
      ]),
    ),
  );
  for (const { name, problem } of steps) if (problem) lines.push(`${name}: ${problem.code}: ${problem.message}`);
  lines.push(
    '',
    `${pipeline}@${version}: ${totalMs.toFixed(1)} ms, ${usage?.inputTokens ?? 0} tokens${degraded ? ', DEGRADED' : ''}`,
    '',
  );
  return lines.join('\n');
}

function field(key: string, value: unknown): string[] {
  if (typeof value === 'string' && (value.length > 60 || value.includes('\n')))
    return [`${key}:`, ...value.split('\n').map((line) => `  ${line}`)];
  if (Array.isArray(value) && value.length > 8 && value.every((each) => typeof each === 'number')) {
    return [
      `${key}: [${value
        .slice(0, 6)
        .map((each) => (each as number).toFixed(4))
        .join(', ')}, … ${value.length} numbers]`,
    ];
  }
  return [`${key}: ${typeof value === 'string' ? value : JSON.stringify(value, short)}`];
}

/** Scores for people: four digits. --json has them all. */
function short(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toFixed(4)) : value;
}
