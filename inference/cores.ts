/**
 * Cores this process may use: what the scheduler of the system allows (affinity and cpuset), cut to the quota of the cgroup. A
 * container with `cpus: 1.5` on a machine of 64 gets two workers, not 64.
 */
import { availableParallelism } from 'node:os';
import { cgroupLimits } from './cgroup.js';

/** At least 1. */
export function usableCores(limit = cgroupLimits().cores): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(limit)));
}
