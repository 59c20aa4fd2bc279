// Makes `npx plexus` work inside this repository: npm links the bins of dependencies, not of the package itself.
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../node_modules/.bin/', import.meta.url));
const target = fileURLToPath(new URL('../bin/plexus.js', import.meta.url));
mkdirSync(bin, { recursive: true });
chmodSync(target, 0o755);
if (process.platform === 'win32') {
  writeFileSync(`${bin}plexus.cmd`, `@node "%~dp0\\..\\..\\bin\\plexus.js" %*\r\n`);
} else {
  rmSync(`${bin}plexus`, { force: true });
  symlinkSync('../../bin/plexus.js', `${bin}plexus`);
}
