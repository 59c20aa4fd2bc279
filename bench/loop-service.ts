/** A service with its event loop watched: the longest gap since it was last asked, and the CPU time of the process, over IPC. Started by bench/mesh.ts. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import * as embed from '../services/embed/index.js';
import { startService } from '../services/start.js';

const delay = monitorEventLoopDelay({ resolution: 1 });
const service = await startService(embed, process.env);
delay.enable();
process.send?.({ port: service.port });
process.on('message', (message: string) => {
  if (message === 'reset') delay.reset();
  if (message === 'report') {
    const { user, system } = process.cpuUsage();
    process.send?.({ maxMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6, cpuMs: (user + system) / 1e3 });
  }
});
process.on('disconnect', () => void service.stop().finally(() => process.exit(0)));
