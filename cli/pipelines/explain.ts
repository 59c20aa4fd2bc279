/** `plexus pipelines explain <name>`: the plan as text or Mermaid; with --analyze also a run through the gateway. */
import type { Command } from 'commander';
import { toStruct } from '../../chassis/struct.js';
import { createClient } from '../../client/index.js';
import { explainMermaid, explainText } from '../../gateway/pipeline/index.js';
import { gatewayAddress, withAddress } from '../gateway-address.js';
import { readJson, readTimeout } from '../input.js';
import type { Io } from '../io.js';
import { type FolderFlags, openLibrary, withFolder } from './folder.js';

interface ExplainFlags extends FolderFlags {
  address?: string;
  timeout: string;
  mermaid?: boolean;
  analyze?: boolean;
  input: string;
}

export function registerExplain(pipelines: Command, io: Io): void {
  withAddress(withFolder(pipelines.command('explain')))
    .description('show the plan of a pipeline; with --analyze run it and show where the time went')
    .argument('<pipeline>', 'name or name@version')
    .option('--mermaid', 'as a Mermaid flowchart')
    .option('--analyze', 'run it through the gateway')
    .option('--input <json>', 'input of the run, as a JSON object', '{}')
    .action(async (pipeline: string, flags: ExplainFlags) => {
      if (!flags.analyze) {
        const plan = openLibrary(flags, io).get(pipeline);
        io.stdout.write(flags.mermaid ? explainMermaid(plan) : explainText(plan));
        return;
      }
      const client = createClient(gatewayAddress(flags, io));
      try {
        const request = { pipeline, analyze: true, input: toStruct(readJson('--input', flags.input)) };
        const { text, mermaid } = await client.pipelines.explain(request, { timeoutMs: readTimeout(flags.timeout) });
        io.stdout.write(flags.mermaid ? mermaid : text);
      } finally {
        client.close();
      }
    });
}
