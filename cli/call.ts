/** `plexus call <capability> [text...]`: one call of one capability, printed for people, or as JSON. */
import type { MethodDefinition } from '@grpc/grpc-js';
import type { Command } from 'commander';
import { descriptors } from '../chassis/descriptors.js';
import { MeshError } from '../chassis/errors.js';
import type { Json } from '../chassis/struct.js';
import { createClient, type PlexusClient } from '../client/index.js';
import { type Definitions, definition } from '../protos/index.js';
import { gatewayAddress, withAddress } from './gateway-address.js';
import { readJson, readText, readTimeout } from './input.js';
import type { Io } from './io.js';
import { withProgress } from './progress.js';
import { render } from './render.js';
import { readTensors } from './tensors.js';

/** What a capability's own name means, and the request a plain text makes. */
const MAIN_METHOD: Record<string, { method: string; request: (text: string) => object }> = {
  tokenize: { method: 'encode', request: (text) => ({ texts: [text] }) },
  embed: { method: 'embed', request: (text) => ({ texts: [text] }) },
  classify: { method: 'classify', request: (text) => ({ texts: [text] }) },
  summarize: { method: 'summarize', request: (text) => ({ texts: [text] }) },
  infer: { method: 'infer', request: (text) => ({ inputs: readTensors(text), format: 'TENSOR_FORMAT_VALUES' }) },
};

interface CallFlags {
  address?: string;
  timeout: string;
  file?: string;
  model?: string;
  data?: string;
  json?: boolean;
}

export function registerCall(program: Command, io: Io): void {
  withAddress(program.command('call'))
    .description(
      'call one capability: plexus call embed "text"; plexus call classify.zeroShot --data \'{"texts":["..."],"labels":["..."]}\'',
    )
    .argument(
      '<capability[.method]>',
      'tokenize, embed, classify, summarize or infer; with a method where it is not the main one',
    )
    .argument('[text...]', 'the text; for infer the inputs as JSON: \'{"x": [[1, 2], [3, 4]]}\'')
    .option('--file <path>', 'read the text from a file ("-": standard input)')
    .option('--model <reference>', 'name, name@version or name:alias')
    .option('--data <json>', 'the whole request, or fields beside the text, as JSON in the form of the proto')
    .option('--json', 'print the response as JSON')
    .action(async (target: string, words: string[], flags: CallFlags) => {
      const [capability = '', method = MAIN_METHOD[capability]?.method ?? ''] = target.split('.');
      const main = MAIN_METHOD[capability];
      if (!main)
        throw new MeshError(
          'USAGE',
          `there is no capability "${capability}"; there are ${Object.keys(MAIN_METHOD).join(', ')}`,
        );
      const given = flags.data === undefined ? {} : await readData(capability, method, readJson('--data', flags.data));
      const plain =
        method === main.method && given.texts === undefined && given.inputs === undefined
          ? main.request(await readText(words, flags.file))
          : {};
      const request = { ...plain, ...given, ...(flags.model && { model: flags.model }) };
      const client = createClient(gatewayAddress(flags, io));
      try {
        const response = await withProgress(
          io,
          () => `${capability}.${method}`,
          () => invoke(client, capability, method, request, readTimeout(flags.timeout)),
        );
        io.stdout.write(
          flags.json ? `${JSON.stringify(response, undefined, 2)}\n` : render(capability, method, response, request),
        );
      } finally {
        client.close();
      }
    });
}

/** Fields of a request, as the client wants them, checked as the gateway checks the body of an HTTP call. */
async function readData(
  capability: string,
  method: string,
  data: Record<string, Json>,
): Promise<Record<string, unknown>> {
  const name = `plexus.v1.${capability[0]?.toUpperCase()}${capability.slice(1)}` as keyof Definitions;
  const desc = descriptors()
    .getService(name)
    ?.methods.find(({ localName }) => localName === method);
  if (!desc) return data; // the client says that there is no such method
  const { toMessageBytes } = await import('../gateway/http/json.js'); // a tenth of a second that most calls can do without
  let bytes: Buffer;
  try {
    bytes = toMessageBytes(desc.input, data);
  } catch (error) {
    throw error instanceof MeshError ? new MeshError('USAGE', `--data: ${error.message}`) : error;
  }
  const methods = definition(name) as unknown as Record<string, MethodDefinition<object, object>>;
  const whole = methods[desc.name]?.requestDeserialize(bytes) as Record<string, unknown>;
  // Those that were given: the rest of it are defaults.
  const named = desc.input.fields.filter(({ name, jsonName }) => name in data || jsonName in data);
  return Object.fromEntries(named.map(({ jsonName }) => [jsonName, whole[jsonName]]));
}

async function invoke(
  client: PlexusClient,
  capability: string,
  method: string,
  request: object,
  timeoutMs: number,
): Promise<object> {
  const methods = client[capability as 'embed'] as unknown as Record<
    string,
    (request: object, options: object) => unknown
  >;
  const call = methods[method];
  if (!call)
    throw new MeshError('USAGE', `${capability} has no method "${method}"; it has ${Object.keys(methods).join(', ')}`);
  if (/^(?:embed|infer)Stream$/.test(method)) {
    throw new MeshError('USAGE', `${method} takes a stream; use ${capability}`);
  }
  const result = call(request, { timeoutMs });
  if (result instanceof Promise) return result as Promise<object>;
  const events: object[] = [];
  for await (const event of result as AsyncIterable<object>) events.push(event);
  return { events };
}
