/** A service with its event loop watched: gaps, activity of the RPC thread, processor and memory since it was last asked, over IPC. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import * as embed from '../services/embed/index.js';
import * as infer from '../services/infer/index.js';
import { startService } from '../services/start.js';

export interface LoopReport {
  /** Event-loop gaps since the last reset. */
  maxMs: number;
  p99Ms: number;
  /** Of the whole process, and of its RPC thread alone, since the start. */
  cpuMs: number;
  activeMs: number;
  rssBytes: number;
}

const delay = monitorEventLoopDelay({ resolution: 1 });
const service = await (process.argv[2] === 'infer'
  ? startService(infer, process.env)
  : startService(embed, process.env));
delay.enable();
process.send?.({ port: service.port });
process.on('message', (message: string) => {
  if (message === 'reset') delay.reset();
  if (message !== 'report') return;
  const { user, system } = process.cpuUsage();
  process.send?.({
    maxMs: delay.max / 1e6,
    p99Ms: delay.percentile(99) / 1e6,
    cpuMs: (user + system) / 1e3,
    activeMs: performance.eventLoopUtilization().active,
    rssBytes: process.memoryUsage.rss(),
  } satisfies LoopReport);
});
process.on('disconnect', () => void service.stop().finally(() => process.exit(0)));
