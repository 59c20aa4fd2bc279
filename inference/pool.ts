/**
 * Worker threads that are kept alive: each does one job at a time; one that dies or is at a job for too long is given up and
 * replaced, sooner the first time and later when it goes on dying. Knows nothing of models: what a job is, its worker script says.
 * A thread stuck in native code cannot be ended from outside; it is abandoned, and ends when the native call returns.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';
import type { FromWorker, ToWorker } from './protocol.js';

export interface PoolOptions {
  /** Names the threads and the errors: "minilm-l3-en@1". */
  name: string;
  /** The compiled worker script. */
  script: URL;
  /** Given to every worker as workerData. */
  start: unknown;
  /** Threads. */
  size: number;
  /** Longest time for one job. */
  hangMs: number;
  /** Longest time from the start of a thread to its "ready". */
  startMs: number;
  clock: Clock;
  /** Called when a worker is up that was not: started, or replaced. Who runs jobs knows when they end. */
  onUp: () => void;
}

/** How a job ended. Failed: it could not be sent, or threw. Lost: the worker died or hung over it. */
export type Verdict<Answer> =
  | { at: 'done'; body: Answer }
  | { at: 'failed'; reason: string }
  | { at: 'lost'; reason: string };

export interface Pool<Job, Answer, Ready> {
  /** Resolves with what the first worker said once all are ready; MODEL_UNSUPPORTED where one cannot do the work, MODEL_FAILED where it dies. */
  start(): Promise<Ready>;
  /** Workers that are up and free. */
  readonly idle: number;
  /** Workers that are up. */
  readonly up: number;
  /** True where none is up and replacements go on dying. */
  readonly failing: boolean;
  /** Workers replaced since the start. */
  readonly replaced: number;
  /** Gives the job to a free worker; rejects only where there is none. */
  run(job: Job, transfer: readonly ArrayBuffer[]): Promise<Verdict<Answer>>;
  /** Ends every thread; jobs under way are lost. */
  close(): Promise<void>;
}

/** A thread, and how it is given up: ended as far as it can be, and replaced. */
interface Thread {
  worker: Worker;
  giveUp(reason: string): void;
}

type Slot<Answer> =
  | { at: 'starting'; thread: Thread; cancelTimer: () => void }
  | { at: 'idle'; thread: Thread }
  | { at: 'busy'; thread: Thread; job: number; cancelTimer: () => void; settle: (verdict: Verdict<Answer>) => void }
  /** Dead; a replacement comes after a pause. */
  | { at: 'resting'; cancelTimer: () => void };

/** Deaths without a finished job in between after which nothing good is expected of the next replacement. */
const DEATHS_MAX = 3;
/** How long a close waits for threads that are at work; a batch takes milliseconds. */
const CLOSE_MS = 2_000;
const REST_MS_MIN = 50;
const REST_MS_MAX = 5_000;

export function createPool<Job, Answer, Ready>(options: PoolOptions): Pool<Job, Answer, Ready> {
  const { name, clock, hangMs, startMs } = options;
  const slots: Slot<Answer>[] = [];
  let jobs = 0;
  let replaced = 0;
  let deathsInARow = 0;
  let closed = false;

  /** Starts the thread of a slot. `opened` hears once how the start went. */
  function spawn(index: number, opened: (outcome: Ready | MeshError) => void): void {
    const worker = new Worker(options.script, { workerData: options.start, name });
    /** What the slot holds, where it is still this thread. */
    const current = (): Exclude<Slot<Answer>, { at: 'resting' }> | undefined => {
      const slot = slots[index];
      return closed || slot === undefined || slot.at === 'resting' || slot.thread !== thread ? undefined : slot;
    };
    const giveUp = (reason: string): void => {
      const slot = current();
      if (!slot) return;
      void endThread(worker, slot.at === 'idle', 0);
      if (slot.at !== 'idle') slot.cancelTimer();
      replaced++;
      const restMs = deathsInARow === 0 ? 0 : Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** (deathsInARow - 1));
      deathsInARow++;
      slots[index] = { at: 'resting', cancelTimer: clock.after(restMs, () => spawn(index, opened)) };
      if (slot.at === 'starting') opened(new MeshError('MODEL_FAILED', `${name}: a worker thread ${reason}`));
      if (slot.at === 'busy') slot.settle({ at: 'lost', reason });
    };

    const thread: Thread = { worker, giveUp };
    const cancelTimer = clock.after(startMs, () => giveUp(`was not ready after ${startMs} ms`));
    slots[index] = { at: 'starting', thread, cancelTimer };

    worker.on('error', (error) => giveUp(`died: ${error.message}`));
    worker.on('exit', (code) => giveUp(`ended with code ${code}`));
    worker.on('message', (message: FromWorker<Ready, Answer>) => {
      const slot = current();
      if (!slot) return;
      if (message.at === 'ready' || message.at === 'refused') {
        if (slot.at !== 'starting') return;
        if (message.at === 'refused') {
          const cause = new Error(message.detail);
          opened(new MeshError('MODEL_UNSUPPORTED', `${name} cannot be run: ${message.reason}`, { cause }));
          giveUp('refused its work'); // a replacement whose file has gone must not be given batches
          return;
        }
        slot.cancelTimer();
        slots[index] = { at: 'idle', thread };
        opened(message.body);
        options.onUp();
      } else if (slot.at === 'busy' && slot.job === message.job) {
        slot.cancelTimer();
        slots[index] = { at: 'idle', thread };
        deathsInARow = 0;
        slot.settle(message.at === 'done' ? { at: 'done', body: message.body } : message);
      }
    });
  }

  const count = (at: Slot<Answer>['at']): number => slots.filter((slot) => slot.at === at).length;

  const starting = (index: number): Promise<Ready> =>
    new Promise((resolve, reject) => {
      spawn(index, (outcome) => (outcome instanceof MeshError ? reject(outcome) : resolve(outcome)));
    });

  return {
    async start() {
      const ready = await starting(0); // the first alone: what it refuses, all would
      await Promise.all(Array.from({ length: options.size - 1 }, (_, index) => starting(index + 1)));
      return ready;
    },
    get idle() {
      return count('idle');
    },
    get up() {
      return count('idle') + count('busy');
    },
    get failing() {
      return deathsInARow >= DEATHS_MAX && count('idle') + count('busy') === 0;
    },
    get replaced() {
      return replaced;
    },
    run(body, transfer) {
      return new Promise((settle) => {
        const index = slots.findIndex((slot) => slot.at === 'idle');
        const slot = slots[index];
        if (slot?.at !== 'idle') throw new Error(`${name}: no worker is free`);
        const { thread } = slot;
        const job = ++jobs;
        const cancelTimer = clock.after(hangMs, () => thread.giveUp(`was at one job for more than ${hangMs} ms`));
        slots[index] = { at: 'busy', thread, job, cancelTimer, settle };
        try {
          thread.worker.postMessage({ job, body } satisfies ToWorker<Job>, [...transfer]);
        } catch (error) {
          // Not to be cloned, or no memory for a copy: the worker has seen nothing of it.
          cancelTimer();
          slots[index] = { at: 'idle', thread };
          settle({ at: 'failed', reason: (error as Error).message });
        }
      });
    },
    async close() {
      closed = true;
      const ended: Promise<unknown>[] = [];
      for (const slot of slots) {
        if (slot.at !== 'idle') slot.cancelTimer();
        if (slot.at !== 'resting') {
          ended.push(endThread(slot.thread.worker, slot.at === 'idle', Math.min(hangMs, CLOSE_MS)));
        }
        if (slot.at === 'busy') slot.settle({ at: 'lost', reason: 'was closed' });
      }
      slots.length = 0;
      await Promise.all(ended);
    },
  };
}

/**
 * Ends a thread, but never while it may be inside onnxruntime: ending it there aborts the whole process when the native call returns
 * (seen with onnxruntime-node 1.30). One that is at work ends with its next word; the promise waits for that `waitMs` at most.
 */
function endThread(worker: Worker, idle: boolean, waitMs: number): Promise<unknown> {
  if (idle) return worker.terminate();
  worker.unref();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    const gone = (): void => {
      clearTimeout(timer);
      resolve(undefined);
    };
    worker.once('message', () => void worker.terminate());
    worker.once('exit', gone);
  });
}
