/**
 * A real instance of the embed capability without a model, for the gateway's tests: a gRPC server with health whose Embed
 * takes a set time on a set number of places, as a model does. Runs in this process, or as a child process that
 * upstream-process.ts starts, so that it can be killed, stopped and told to misbehave.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallContext } from '../../chassis/call.js';
import { asBytes } from '../../chassis/codec.js';
import { MeshError } from '../../chassis/errors.js';
import { implementDefinition } from '../../chassis/implement.js';
import { encodeLoadReport, LOAD_REPORT_KEY } from '../../chassis/load-report.js';
import { createServer, type MeshServer } from '../../chassis/server.js';
import { definition } from '../../protos/index.js';
import { testServerSettings } from './settings.js';

/** What it does with a call; changed while it runs. */
export interface Conduct {
  /** Time one call takes; 0 answers at once. */
  workMs: number;
  /** Calls worked on at once; others wait. */
  places: number;
  /** Calls that may wait; more are QUEUE_FULL. */
  queueMax: number;
  /** Answers UNAVAILABLE at once, synthetic probes too. */
  failing: boolean;
  /** Health says so. */
  draining: boolean;
  /** What its load reports say of its queue; it sends none where this is undefined. */
  reportedQueueMs?: number;
}

export interface TestInstance {
  readonly server: MeshServer;
  readonly port: number;
  readonly conduct: Conduct;
  /** Calls begun, answered, stopped while worked on, and dropped from the queue, because their caller left. */
  readonly counts: { begun: number; answered: number; stopped: number; dropped: number };
  stop(graceMs?: number): Promise<number>;
}

export async function startTestInstance(
  id: string,
  options: { port?: number; conduct?: Partial<Conduct> } = {},
): Promise<TestInstance> {
  const conduct: Conduct = { workMs: 5, places: 8, queueMax: 200, failing: false, draining: false, ...options.conduct };
  const counts = { begun: 0, answered: 0, stopped: 0, dropped: 0 };
  const waiting: (() => void)[] = [];
  let working = 0;

  const work = async (signal: AbortSignal): Promise<void> => {
    if (conduct.failing) throw new MeshError('UPSTREAM_UNREACHABLE', `${id} fails on purpose`);
    if (working >= conduct.places) {
      if (waiting.length >= conduct.queueMax)
        throw new MeshError('QUEUE_FULL', 'the queue is full', { retryAfterMs: 50 });
      await new Promise<void>((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => {
          const at = waiting.indexOf(resolve);
          if (at < 0) return;
          waiting.splice(at, 1);
          counts.dropped++;
          reject(signal.reason);
        });
      });
    } else working++;
    counts.begun++;
    try {
      if (conduct.workMs > 0) await sleep(conduct.workMs, undefined, { signal });
      counts.answered++;
    } catch {
      counts.stopped++;
      throw signal.reason;
    } finally {
      const next = waiting.shift();
      if (next) next();
      else working--;
    }
  };
  const reportLoad = (context: CallContext): void => {
    if (conduct.reportedQueueMs === undefined) return;
    const named = { queue_ms: conduct.reportedQueueMs };
    context.setTrailer(LOAD_REPORT_KEY, encodeLoadReport({ cpuUtilization: 0, rps: 0, eps: 0, named }));
  };
  const methods = definition('plexus.v1.Embed');
  const service = {
    Embed: asBytes(methods.Embed as never),
    EmbedStream: asBytes(methods.EmbedStream as never),
    Similarity: asBytes(methods.Similarity as never),
  };
  const unary = async (
    request: Buffer,
    context: { signal: AbortSignal; setTrailer(key: string, value: string): void },
  ): Promise<Buffer> => {
    await work(context.signal);
    context.setTrailer('x-test-instance', id);
    return request; // its own bytes back: a caller can tell a wrong answer
  };
  // Takes no place and does not end by itself: what a caller who leaves must stop.
  const hold = async (_request: Buffer, context: { signal: AbortSignal }): Promise<never> => {
    counts.begun++;
    await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve(), { once: true }));
    counts.stopped++;
    throw context.signal.reason;
  };
  const binding = implementDefinition(
    'plexus.v1.Embed',
    service as never,
    {
      Embed: unary as never,
      Similarity: hold as never,
      async *EmbedStream(requests: AsyncIterable<Buffer>, context: { signal: AbortSignal }) {
        for await (const request of requests) {
          await work(context.signal);
          yield request;
        }
      },
    } as never,
  );
  const server = createServer({
    services: [binding],
    address: `127.0.0.1:${options.port ?? 0}`,
    settings: testServerSettings({ callsMax: 5_000 }),
    interceptors: [{ begin: (context) => () => reportLoad(context) }],
  });
  const port = await server.start();
  server.health.set('plexus.v1.Embed', 'SERVING');
  return { server, port, conduct, counts, stop: (graceMs = 2_000) => server.drain(graceMs) };
}

// As a child process: tells its port, takes orders, drains on SIGTERM.
if (process.argv[2] === 'plexus-test-instance') {
  const { id, port, conduct } = JSON.parse(process.argv[3] ?? '{}') as {
    id: string;
    port?: number;
    conduct?: Partial<Conduct>;
  };
  const instance = await startTestInstance(id, { ...(port && { port }), ...(conduct && { conduct }) });
  process.on('message', (order: { conduct?: Partial<Conduct>; ask?: 'counts' }) => {
    if (order.conduct) {
      Object.assign(instance.conduct, order.conduct);
      if (order.conduct.draining !== undefined)
        instance.server.health.set('plexus.v1.Embed', order.conduct.draining ? 'NOT_SERVING' : 'SERVING');
    }
    process.send?.({ counts: instance.counts });
  });
  process.once('SIGTERM', () => void instance.stop().then(() => process.exit(0)));
  process.once('disconnect', () => process.exit(0)); // the test is gone
  process.send?.({ port: instance.port });
}
