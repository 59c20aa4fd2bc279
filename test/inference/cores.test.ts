import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { usableCores } from '../../inference/cores.js';
import { temporaryFolders, writeFiles } from '../kit/model-folder.js';

describe('usable cores', () => {
  const temporary = temporaryFolders();
  const cores = availableParallelism();
  const table: [string, Record<string, string>, number][] = [
    ['no cgroup', {}, cores],
    ['no limit', { 'cpu.max': 'max 100000\n' }, cores],
    ['half a core', { 'cpu.max': '50000 100000\n' }, 1],
    ['one core and a half', { 'cpu.max': '150000 100000\n' }, Math.min(2, cores)],
    ['more than there are', { 'cpu.max': '9900000 100000\n' }, cores],
    ['version 1, one core', { 'cpu/cpu.cfs_quota_us': '100000\n', 'cpu/cpu.cfs_period_us': '100000\n' }, 1],
    ['version 1, no limit', { 'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n' }, cores],
    ['nonsense', { 'cpu.max': 'what\n' }, cores],
  ];
  for (const [what, files, expected] of table) {
    it(`are ${expected === cores ? 'all' : 'cut'}: ${what}`, () => {
      const root = temporary();
      writeFiles(root, files);
      assert.equal(usableCores(root), expected);
    });
  }
});
