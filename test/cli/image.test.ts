/** The gateway's image (Dockerfile) lacks three rooms; what it runs must load without them. Read from the compiled files' static imports. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../protos/index.js';

const dist = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Every compiled file that `entries` load at once, with the file that asked for it; dynamic imports are not followed. */
function loadedWith(entries: readonly string[]): Map<string, string> {
  const seen = new Map<string, string>(entries.map((entry) => [entry, 'the image']));
  for (const file of seen.keys()) {
    const source = readFileSync(file, 'utf8');
    for (const [, target = ''] of source.matchAll(/^(?:import|export)\b[^;'"]*['"](\.[^'"]+)['"]/gm)) {
      const path = resolve(dirname(file), target);
      if (path.endsWith('.js') && !seen.has(path)) seen.set(path, relative(dist, file));
    }
  }
  return seen;
}

describe("the gateway's image", () => {
  it('runs nothing that imports a room which the Dockerfile takes out', () => {
    const removed = /FROM build AS build-gateway\nRUN rm -rf (.+)/.exec(
      readFileSync(join(packageRoot, 'Dockerfile'), 'utf8'),
    );
    const rooms = removed?.[1]?.split(' ').map((room) => resolve(packageRoot, room));
    assert.ok(rooms && rooms.length > 0, 'the Dockerfile takes rooms out of the gateway image');
    const loaded = loadedWith([join(dist, 'cli/plexus.js'), join(dist, 'gateway/main.js')]);
    assert.ok(loaded.has(join(dist, 'chassis/errors.js')), 'imports are followed');
    for (const [file, from] of loaded)
      for (const room of rooms) assert.ok(!file.startsWith(`${room}/`), `${from} imports ${relative(dist, file)}`);
  });
});
