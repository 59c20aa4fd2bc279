/**
 * The worker thread of a generator: sessions, engine and clock of one model. Everything that runs onnxruntime for generation runs
 * here; the RPC thread sends jobs and hears events.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadTokenizer, type Tokenizer } from '../tokenizer/index.js';
import { openCausal } from './causal.js';
import { createEngine } from './engine.js';
import { type Graph, Refused } from './graph.js';
import type { FromGenerator, GenerateStart, SubmitJob, ToGenerator } from './protocol.js';
import { createRanker } from './ranking.js';
import { openSeq2Seq } from './seq2seq.js';
import { createStopCheck } from './stop-check.js';

const ALIVE_MS = 1_000;

async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const say = (message: FromGenerator): void => port.postMessage(message);
  const start = workerData as GenerateStart;
  let left = false;
  const leaveEarly = (message: ToGenerator): void => {
    left ||= message.at === 'leave'; // Not in the middle of opening: a thread of the graph may be at work.
  };
  port.on('message', leaveEarly);
  let graph: Graph;
  try {
    const { folder, precision, threads } = start;
    const options = { folder, precision, threads };
    graph = start.seq2seq
      ? await openSeq2Seq(options, start.startId, start.padId, () => process.exit(1))
      : await openCausal(options);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const reason = error instanceof Refused ? detail : 'onnxruntime cannot open or run its graphs';
    if (!left) say({ at: 'refused', reason, detail });
    process.exit(0); // Nobody will ask this thread for anything; what was said is heard before its end is.
  }
  const leave = (): void => void graph.leave().finally(() => process.exit(0));
  if (left) leave();
  const engine = createEngine({
    graph,
    ranker: await createRanker(start.threads),
    startId: start.seq2seq ? start.startId : undefined,
    limits: start.limits,
    emit: (events) => say({ at: 'events', events }),
    nowMs: () => performance.now(),
  });

  // Only stop strings need texts here; most requests have none, and the tokenizer is not loaded before one has.
  let tokenizer: Promise<Tokenizer> | undefined;
  const cancelledEarly = new Set<number>();
  const submit = async ({ input, given, ...job }: SubmitJob): Promise<void> => {
    let stops: ReturnType<typeof createStopCheck> | undefined;
    if (given.stop.length > 0) {
      tokenizer ??= loadTokenizer(start.folder);
      const { decode } = await tokenizer;
      stops = createStopCheck(given.stop, (ids) => decode(ids));
      if (cancelledEarly.delete(job.id)) return;
    }
    engine.submit({ ...job, given, input: Array.from(input), stops });
  };
  const loading = new Set<number>();
  port.off('message', leaveEarly);
  port.on('message', (message: ToGenerator) => {
    if (message.at === 'leave') {
      leave();
      return;
    }
    if (message.at === 'cancel') {
      if (loading.has(message.id)) cancelledEarly.add(message.id);
      else engine.cancel(message.id);
      return;
    }
    const { job } = message;
    loading.add(job.id);
    submit(job)
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        say({ at: 'events', events: [{ at: 'failed', id: job.id, code: 'MODEL_FAILED', reason }] });
      })
      .finally(() => loading.delete(job.id));
  });
  setInterval(() => say({ at: 'alive', stats: engine.stats() }), ALIVE_MS).unref();
  const { vocabSize, ragged, description } = graph;
  say({ at: 'ready', shape: { vocabSize, ragged, description } });
}

if (parentPort) void main(parentPort);
