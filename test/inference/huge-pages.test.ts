/** Processes with models are started with weights in huge pages, wherever they are started. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withHugePages } from '../../inference/huge-pages.js';
import { packageRoot } from '../../protos/index.js';

describe('huge pages', () => {
  it('are asked of glibc on Linux, where the variable is not set', () => {
    const { GLIBC_TUNABLES } = withHugePages({ A: 'b' }, 'linux');
    assert.match(String(GLIBC_TUNABLES), /glibc\.malloc\.hugetlb=1/);
    assert.deepEqual(withHugePages({ GLIBC_TUNABLES: '' }, 'linux'), { GLIBC_TUNABLES: '' });
    assert.deepEqual(withHugePages({ A: 'b' }, 'darwin'), { A: 'b' });
  });

  it('are asked for by the same words in the image of the services', () => {
    const dockerfile = readFileSync(join(packageRoot, 'Dockerfile'), 'utf8');
    const { GLIBC_TUNABLES } = withHugePages({}, 'linux');
    const service = dockerfile.slice(dockerfile.indexOf('AS service'), dockerfile.indexOf('AS gateway'));
    assert.ok(service.includes(`ENV GLIBC_TUNABLES=${GLIBC_TUNABLES}\n`), service);
  });
});
