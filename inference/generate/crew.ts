/**
 * The worker threads of one generator, seen from the RPC thread: each holds many jobs at a time; one that dies or falls silent is
 * replaced, and its jobs fail as WORKER_LOST. Knows nothing of texts.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import type { EngineEvent, EngineStats } from './engine.js';
import type { FromGenerator, GenerateShape, GenerateStart, SubmitJob, ToGenerator } from './protocol.js';

export interface CrewOptions {
  /** "t5-small@1". */
  name: string;
  script: URL;
  start: GenerateStart;
  size: number;
  hangMs: number;
  clock: Clock;
}

export interface CrewJob extends Omit<SubmitJob, 'id'> {
  /** Rows it will take: what work is shared out by. */
  width: number;
}

export interface Crew {
  /** Resolves when every worker has opened the model; MODEL_UNSUPPORTED, MODEL_FAILED. */
  start(): Promise<GenerateShape>;
  /** Hears the job's events until done, failed or lost. Returns how to end it; then nothing more is heard. */
  submit(job: CrewJob, hear: (event: EngineEvent | { at: 'lost'; error: MeshError }) => void): () => void;
  /** Jobs under way. */
  readonly jobs: number;
  stats(): EngineStats[];
  close(): Promise<void>;
}

interface Member {
  worker: Worker;
  ready: boolean;
  /** Sent once it is ready. */
  outbox: ToGenerator[];
  jobs: Map<number, { width: number; hear: (event: EngineEvent | { at: 'lost'; error: MeshError }) => void }>;
  heardMs: number;
  stats: EngineStats | undefined;
}

/** How long a close waits for a thread that is at a step. */
const LEAVE_MS = 10_000;
/**
 * A step leaves little behind in JavaScript; without a limit V8 lets the young generation of each thread grow for hours, which looks
 * like a leak (bench/results/generate.md).
 */
export const YOUNG_MB = 8;
const REST_MS_MIN = 50;
const REST_MS_MAX = 5_000;

export function createCrew({ name, script, start, size, hangMs, clock }: CrewOptions): Crew {
  const members: (Member | undefined)[] = [];
  let nextId = 1;
  let deaths = 0;
  let closed = false;
  let stopWatching = (): void => {};

  const spawn = (index: number, opened: (outcome: GenerateShape | MeshError) => void): void => {
    const worker = new Worker(script, {
      workerData: start,
      name,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    const member: Member = {
      worker,
      ready: false,
      outbox: [],
      jobs: new Map(),
      heardMs: clock.monotonic(),
      stats: undefined,
    };
    members[index] = member;
    worker.on('message', (message: FromGenerator) => {
      member.heardMs = clock.monotonic();
      switch (message.at) {
        case 'ready':
          member.ready = true;
          for (const each of member.outbox.splice(0)) worker.postMessage(each);
          opened(message.shape);
          break;
        case 'refused':
          opened(unsupported(message.reason, message.detail));
          break;
        case 'alive':
          member.stats = message.stats;
          deaths = 0;
          break;
        case 'events':
          for (const event of message.events) {
            const job = member.jobs.get(event.id);
            if (event.at !== 'token') member.jobs.delete(event.id);
            job?.hear(event);
          }
      }
    });
    worker.on('error', (error) => lose(index, member, error.message, opened));
    worker.on('exit', (code) => lose(index, member, `ended with code ${code}`, opened));
  };

  const lose = (index: number, member: Member, reason: string, opened: (outcome: MeshError) => void): void => {
    if (closed || members[index] !== member) return;
    if (!member.ready)
      opened(
        new MeshError('MODEL_FAILED', `${name}: its worker died while it opened the model`, {
          cause: new Error(reason),
        }),
      );
    members[index] = undefined;
    const error = new MeshError('WORKER_LOST', `${name}: the thread that generated was lost`, {
      retryAfterMs: REST_MS_MIN,
      cause: new Error(reason),
    });
    for (const { hear } of member.jobs.values()) hear({ at: 'lost', error });
    void leave(member); // ends when it ends
    if (!member.ready && deaths === 0) return; // Never opened: start() has failed.
    const rest = Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** deaths++);
    clock.after(rest, () => {
      if (!closed) spawn(index, () => {});
    });
  };

  /**
   * A thread ends itself between two runs. terminate() in the middle of one makes onnxruntime's binding abort the process when the
   * run returns (seen with 1.30); a thread stuck in native code for ever is left behind, unreferenced.
   */
  const leave = ({ worker }: Member): Promise<void> =>
    new Promise((resolve) => {
      if (worker.threadId === -1) return resolve(); // It has ended: nothing of it would be heard.
      const cancelTimer = clock.after(LEAVE_MS, resolve);
      worker.removeAllListeners();
      worker.on('error', () => {}); // It is on its way out: nobody waits for anything of it.
      worker.once('exit', () => {
        cancelTimer();
        resolve();
      });
      worker.postMessage({ at: 'leave' } satisfies ToGenerator);
      worker.unref();
    });

  const watch = (): void => {
    stopWatching = clock.after(Math.min(hangMs, 1_000), () => {
      for (const [index, member] of members.entries()) {
        if (!member?.ready || member.jobs.size === 0) continue;
        if (clock.monotonic() - member.heardMs > hangMs) lose(index, member, `said nothing for ${hangMs} ms`, () => {});
      }
      watch();
    });
  };

  const unsupported = (reason: string, detail: string): MeshError =>
    new MeshError('MODEL_UNSUPPORTED', `${name} cannot generate: ${reason}`, { cause: new Error(detail) });

  return {
    async start() {
      const shapes = await Promise.all(
        Array.from(
          { length: size },
          (_, index) =>
            new Promise<GenerateShape>((resolve, reject) => {
              spawn(index, (outcome) => (outcome instanceof MeshError ? reject(outcome) : resolve(outcome)));
            }),
        ),
      );
      watch();
      return shapes[0] as GenerateShape;
    },
    submit({ width, ...job }, hear) {
      const load = (member: Member): number => [...member.jobs.values()].reduce((sum, each) => sum + each.width, 0);
      const member = members.filter((each) => each !== undefined).sort((a, b) => load(a) - load(b))[0];
      if (!member) {
        throw new MeshError('WORKER_LOST', `${name}: its worker threads are being replaced`, {
          retryAfterMs: REST_MS_MAX,
        });
      }
      const id = nextId++;
      if (member.jobs.size === 0) member.heardMs = clock.monotonic();
      member.jobs.set(id, { width, hear });
      const say = (message: ToGenerator): void => {
        if (member.ready) member.worker.postMessage(message);
        else member.outbox.push(message);
      };
      say({ at: 'submit', job: { id, ...job } });
      return () => {
        if (member.jobs.delete(id)) say({ at: 'cancel', id });
      };
    },
    get jobs() {
      return members.reduce((sum, member) => sum + (member?.jobs.size ?? 0), 0);
    },
    stats: () => members.flatMap((member) => member?.stats ?? []),
    async close() {
      closed = true;
      stopWatching();
      const error = new MeshError('SHUTTING_DOWN', `${name} is being unloaded`, { retryAfterMs: 100 });
      for (const member of members) for (const { hear } of member?.jobs.values() ?? []) hear({ at: 'lost', error });
      await Promise.all(members.map((member) => member && leave(member)));
      members.length = 0;
    },
  };
}
