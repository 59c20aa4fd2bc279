#!/usr/bin/env node
// The command. The code it runs is compiled: `npm start` and `npm run build` do that, and this says so where it has not happened.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/cli/plexus.js', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  console.error('plexus is not built yet: run `npm run build` once');
  process.exit(1);
}
const { run, processIo } = await import(main.href);
const code = await run(process.argv.slice(2), processIo());
if (code !== undefined) process.exit(code);
