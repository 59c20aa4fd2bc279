/**
 * Cores this process may use: what the scheduler of the system allows (affinity), cut to the quota of the cgroup, which Node 20
 * does not look at. A container with `cpus: 1.5` on a machine of 64 gets two workers, not 64.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** At least 1. `root` is where the cgroup files are; tests point it elsewhere. */
export function usableCores(root = '/sys/fs/cgroup'): number {
  const quota = quotaV2(root) ?? quotaV1(root) ?? Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota)));
}

/** cpu.max: "150000 100000", or "max 100000" where there is no limit. */
function quotaV2(root: string): number | undefined {
  const [quota, period] = read(`${root}/cpu.max`)?.split(/\s+/) ?? [];
  return quota === 'max' ? undefined : ratio(quota, period);
}

/** -1 where there is no limit. */
function quotaV1(root: string): number | undefined {
  return ratio(read(`${root}/cpu/cpu.cfs_quota_us`), read(`${root}/cpu/cpu.cfs_period_us`));
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
