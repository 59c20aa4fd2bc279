/** The page at GET /: dashboard/index.html of the package, read once, with a policy that lets only its own script run. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../protos/index.js';

export interface Page {
  html: string;
  /** Content-Security-Policy. */
  policy: string;
}

/** undefined where the package has none. */
export function loadPage(path = join(packageRoot, 'dashboard', 'index.html')): Page | undefined {
  if (!existsSync(path)) return undefined;
  const html = readFileSync(path, 'utf8');
  const hashes = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, script]) =>
      `'sha256-${createHash('sha256')
        .update(script ?? '')
        .digest('base64')}'`,
  );
  return {
    html,
    policy: `default-src 'none'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; script-src ${hashes.join(' ') || "'none'"}`,
  };
}
