import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cgroupLimits } from '../../inference/cgroup.js';
import { usableCores } from '../../inference/cores.js';
import { temporaryFolders, writeFiles } from '../kit/model-folder.js';

const NONE = Number.POSITIVE_INFINITY;

describe('limits of the cgroup', () => {
  const temporary = temporaryFolders();
  const table: [string, Record<string, string>, { cores?: number; memoryBytes?: number }][] = [
    ['no cgroup', {}, {}],
    ['no limit', { 'cpu.max': 'max 100000\n', 'memory.max': 'max\n' }, {}],
    ['half a core', { 'cpu.max': '50000 100000\n' }, { cores: 0.5 }],
    [
      'one core and a half, half a GiB',
      { 'cpu.max': '150000 100000\n', 'memory.max': '536870912\n' },
      { cores: 1.5, memoryBytes: 2 ** 29 },
    ],
    ['version 1, one core', { 'cpu/cpu.cfs_quota_us': '100000\n', 'cpu/cpu.cfs_period_us': '100000\n' }, { cores: 1 }],
    [
      'version 1, no limit',
      {
        'cpu/cpu.cfs_quota_us': '-1\n',
        'cpu/cpu.cfs_period_us': '100000\n',
        'memory/memory.limit_in_bytes': '9223372036854771712\n',
      },
      {},
    ],
    ['version 1, one GiB', { 'memory/memory.limit_in_bytes': '1073741824\n' }, { memoryBytes: 2 ** 30 }],
    ['nonsense', { 'cpu.max': 'what\n', 'memory.max': '\n' }, {}],
    [
      'a service of systemd, which sees the whole tree',
      {
        own: '0::/system.slice/plexus.service\n',
        'cpu.max': 'max 100000\n',
        'system.slice/plexus.service/cpu.max': '300000 100000\n',
        'system.slice/memory.max': '4096\n',
      },
      { cores: 3, memoryBytes: 4_096 },
    ],
    [
      'version 1, its own folder of each controller',
      {
        own: '5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n',
        'cpu/docker/a/cpu.cfs_quota_us': '200000\n',
        'cpu/docker/a/cpu.cfs_period_us': '100000\n',
        'memory/docker/a/memory.limit_in_bytes': '8192\n',
      },
      { cores: 2, memoryBytes: 8_192 },
    ],
    ['a path that leads out', { own: '0::/../../../etc\n', 'cpu.max': '100000 100000\n' }, { cores: 1 }],
  ];
  for (const [what, files, { cores = NONE, memoryBytes = NONE }] of table) {
    it(`are read: ${what}`, () => {
      const root = temporary();
      writeFiles(root, files);
      assert.deepEqual(cgroupLimits(root, join(root, 'own')), { cores, memoryBytes });
    });
  }
});

describe('usable cores', () => {
  const all = availableParallelism();
  it('are those of the machine, cut to the limit and at least one', () => {
    assert.deepEqual(
      [NONE, 0.5, 1.5, 9_900].map((limit) => usableCores(limit)),
      [all, 1, Math.min(2, all), all],
    );
  });
});
