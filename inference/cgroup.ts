/**
 * What the system allows this process: the cgroup it is in and those above it, whichever version. Node 20 looks at the affinity of
 * the process only, and at the memory of the machine.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Limits {
  /** May be a fraction; Infinity for no limit. */
  cores: number;
  /** Infinity for no limit. */
  memoryBytes: number;
}

/** `root`: where cgroups are mounted; `own`: /proc/self/cgroup. Tests point them elsewhere. */
export function cgroupLimits(root = '/sys/fs/cgroup', own = '/proc/self/cgroup'): Limits {
  const limits: Limits = { cores: Number.POSITIVE_INFINITY, memoryBytes: Number.POSITIVE_INFINITY };
  for (const folder of folders(root, own)) {
    limits.cores = Math.min(limits.cores, quotaV2(folder) ?? quotaV1(folder) ?? Number.POSITIVE_INFINITY);
    for (const name of ['memory.max', 'memory.limit_in_bytes']) {
      const bytes = Number(read(join(folder, name)));
      // Version 1 writes a number of pages near 2^63 where there is no limit.
      if (bytes > 0 && bytes < 2 ** 60) limits.memoryBytes = Math.min(limits.memoryBytes, bytes);
    }
  }
  return limits;
}

/** The roots and, where the process sees the whole tree, its own cgroup and all above it: a limit anywhere on the way counts. */
function folders(root: string, own: string): string[] {
  const all = [root, join(root, 'cpu'), join(root, 'memory')];
  for (const line of (read(own) ?? '').split('\n')) {
    // "0::/user.slice/a.scope", or "4:cpu,cpuacct:/docker/abc" in version 1.
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const names = path.split('/').filter((name) => name !== '' && name !== '..');
    const mounts = controllers === '' ? [root] : controllers.split(',').map((name) => join(root, name));
    for (const mount of mounts) {
      for (let depth = 1; depth <= names.length; depth++) all.push(join(mount, ...names.slice(0, depth)));
    }
  }
  return all;
}

/** cpu.max: "150000 100000", or "max 100000" where there is no limit. */
function quotaV2(folder: string): number | undefined {
  const [quota, period] = read(join(folder, 'cpu.max'))?.split(/\s+/) ?? [];
  return ratio(quota, period);
}

/** -1 where there is no limit. */
function quotaV1(folder: string): number | undefined {
  return ratio(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')));
}

function ratio(quota: string | undefined, period: string | undefined): number | undefined {
  const value = Number(quota) / Number(period);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined; // Not Linux, or another cgroup layout: affinity alone decides.
  }
}
