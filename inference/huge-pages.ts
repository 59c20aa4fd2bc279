/**
 * Weights in huge pages. A step of a generating model reads all its weights once, and with pages of 4 KiB a good part of that is finding
 * the pages: with pages of 2 MiB T5-small's step takes 0.8 of the time for one row and 0.9 for eight (bench/results/generate.md). glibc asks
 * for them where a variable says so that is read before a process begins, so whoever starts a process with models sets it.
 */

/**
 * Huge pages for what malloc gets from the system, and one arena, since glibc asks for none in those of other threads. Kernels that give
 * none (transparent_hugepage: never) and other C libraries take no notice.
 */
const TUNABLES = 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1';

type Env = Readonly<Record<string, string | undefined>>;

/** What a process with models is started with. A variable that is set, be it empty, stays as it is. */
export function withHugePages(env: Env, platform: string = process.platform): Env {
  return platform === 'linux' ? { GLIBC_TUNABLES: TUNABLES, ...env } : env;
}
