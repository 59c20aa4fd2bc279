// transformers.js as people use it, a rival of bench/embed.ts: the feature-extraction pipeline with its own defaults. Forked with
// MODEL_FOLDER DTYPE TEXTS_FILE; told 'one' (a call a text) or 'batches' (32 in order of arrival), it answers with
// the seconds it took, and those of processor time.
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { env, pipeline } from '@huggingface/transformers';

const [folder, dtype, file] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(file, 'utf8'));
env.localModelPath = dirname(folder);
env.allowRemoteModels = false;
const extract = await pipeline('feature-extraction', basename(folder), { dtype });
const options = { pooling: 'mean', normalize: true };
process.on('message', async (size) => {
  const [startedMs, cpu] = [performance.now(), process.cpuUsage()];
  if (size === 'one') for (const text of texts) await extract(text, options);
  else for (let at = 0; at < texts.length; at += 32) await extract(texts.slice(at, at + 32), options);
  const { user, system } = process.cpuUsage(cpu);
  process.send([(performance.now() - startedMs) / 1_000, (user + system) / 1e6]);
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
