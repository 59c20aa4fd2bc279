/** What a model's queue has done since the model was loaded: counts and nanoseconds by stage, by size of batch, and by caller. Bounded. */
import { CRITICALITIES, type Criticality } from '../chassis/caller.js';
import type { RunTimings } from './scheduler.js';

/** Batches of more than half of `rowsMax` rows, and no more. */
export interface BatchSizeStats {
  /** A power of two. */
  rowsMax: number;
  batches: number;
  texts: number;
  tokens: number;
  paddedTokens: number;
  /** Waiting of their texts, added up. */
  queueNs: number;
  /** To the worker and back, without the model. */
  batchNs: number;
  computeNs: number;
}

export interface CallerStats {
  requests: number;
  texts: number;
  tokens: number;
  /** Requests refused or given up because of load. */
  shed: number;
}

/** `name`: a tenant, or how much calls matter. */
export type NamedCallerStats = { name: string } & CallerStats;

export interface SchedulerStats {
  requests: number;
  texts: number;
  tokens: number;
  failures: number;
  dropped: number;
  batches: number;
  paddedTokens: number;
  queueNs: number;
  batchNs: number;
  computeNs: number;
  /** Smallest batches first; sizes that never ran are left out. */
  batchSizes: BatchSizeStats[];
  criticalities: NamedCallerStats[];
  /** The first `tenantsMax`; those after them are counted together under "". */
  tenants: NamedCallerStats[];
}

/** Of a model that has no queue of this kind. */
export const NO_STATS: Readonly<SchedulerStats> = Object.freeze({
  requests: 0,
  texts: 0,
  tokens: 0,
  failures: 0,
  dropped: 0,
  batches: 0,
  paddedTokens: 0,
  queueNs: 0,
  batchNs: 0,
  computeNs: 0,
  batchSizes: [],
  criticalities: [],
  tenants: [],
});

export interface Tally {
  /** A request that was let in. */
  request(caller: { tenant: string; criticality: Criticality }, texts: number, tokens: number): void;
  shed(caller: { tenant: string; criticality: Criticality }): void;
  dropped(texts: number): void;
  failed(): void;
  /** A batch that ran, whatever came of it. */
  batch(rows: number, tokens: number, paddedTokens: number): void;
  /** ... and was answered; `queueMs` of its texts, added up. */
  answered(rows: number, times: { queueMs: number } & Pick<RunTimings, 'batchMs' | 'computeMs'>): void;
  stats(): SchedulerStats;
}

export function createTally(tenantsMax: number): Tally {
  const total = { requests: 0, texts: 0, tokens: 0, failures: 0, dropped: 0 };
  const sizes: BatchSizeStats[] = [];
  const tenants = new Map<string, CallerStats>();
  const nobody = (): CallerStats => ({ requests: 0, texts: 0, tokens: 0, shed: 0 });
  const criticalities = new Map(CRITICALITIES.map((each) => [each, nobody()]));

  const size = (rows: number): BatchSizeStats => {
    const place = Math.ceil(Math.log2(Math.max(1, rows)));
    sizes[place] ??= {
      rowsMax: 2 ** place,
      batches: 0,
      texts: 0,
      tokens: 0,
      paddedTokens: 0,
      queueNs: 0,
      batchNs: 0,
      computeNs: 0,
    };
    return sizes[place];
  };
  const counted = (caller: { tenant: string; criticality: Criticality }): [CallerStats, CallerStats] => {
    const name = tenants.has(caller.tenant) || tenants.size < tenantsMax ? caller.tenant : '';
    const tenant = tenants.get(name) ?? nobody();
    tenants.set(name, tenant);
    return [tenant, criticalities.get(caller.criticality) as CallerStats];
  };
  const sum = (of: (each: BatchSizeStats) => number): number => sizes.reduce((all, each) => all + of(each), 0);

  return {
    request(caller, texts, tokens) {
      for (const each of [total, ...counted(caller)]) {
        each.requests++;
        each.texts += texts;
        each.tokens += tokens;
      }
    },
    shed(caller) {
      for (const each of counted(caller)) each.shed++;
    },
    dropped(texts) {
      total.dropped += texts;
    },
    failed() {
      total.failures++;
    },
    batch(rows, tokens, paddedTokens) {
      const own = size(rows);
      own.batches++;
      own.texts += rows;
      own.tokens += tokens;
      own.paddedTokens += paddedTokens;
    },
    answered(rows, { queueMs, batchMs, computeMs }) {
      const own = size(rows);
      own.queueNs += Math.round(queueMs * 1e6);
      own.batchNs += Math.round(batchMs * 1e6);
      own.computeNs += Math.round(computeMs * 1e6);
    },
    stats: () => ({
      ...total,
      batches: sum(({ batches }) => batches),
      paddedTokens: sum(({ paddedTokens }) => paddedTokens),
      queueNs: sum(({ queueNs }) => queueNs),
      batchNs: sum(({ batchNs }) => batchNs),
      computeNs: sum(({ computeNs }) => computeNs),
      batchSizes: sizes.filter(() => true).map((each) => ({ ...each })), // places that never ran are holes
      criticalities: CRITICALITIES.map((criticality) => ({
        name: criticality,
        ...(criticalities.get(criticality) as CallerStats),
      })),
      tenants: [...tenants].map(([name, stats]) => ({ name, ...stats })),
    }),
  };
}
