/**
 * How the session of a worker is opened, whatever the model: with the same options, and from the prepared copy of its weights where
 * one is kept (prepared.ts). Runs in the worker thread.
 */
import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { env, InferenceSession } from 'onnxruntime-node';
import { preparedFile, preparedFolder } from './prepared.js';
import { beginTrial } from './trial.js';

export interface SessionStart {
  /** Absolute path of the .onnx file. */
  file: string;
  /** Folder of prepared copies, and the digest of the model that the file belongs to; undefined: the file is opened as it is. */
  prepared: { cache: string; digest: string } | undefined;
  /** intraOpNumThreads of the session. */
  threads: number;
}

/** What is wrong with a model, in words that are safe to show. */
export class Refused extends Error {}

/**
 * Opens the session and gives what `prove` makes of it, which should run the graph: a process that is ended by a prepared copy
 * is remembered for as long as that takes.
 */
export async function openSession<Opened>(
  { file, prepared, threads }: SessionStart,
  prove: (session: InferenceSession) => Promise<Opened>,
): Promise<Opened> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // A plan for each shape that comes: with shapes that all differ it takes 8 MB a worker and no time is won.
    enableMemPattern: false,
    logSeverityLevel: 4, // what onnxruntime finds wrong is thrown as well, and not everything that callers send is for stderr
  };
  const session = { intra_op: { allow_spinning: '0' } }; // spinning would burn the core of another worker
  const create = (path: string): Promise<InferenceSession> =>
    InferenceSession.create(path, { ...options, extra: { session } });
  if (!prepared) return prove(await create(file));
  const folder = preparedFolder(prepared.cache, prepared.digest, basename(file), env.versions.node ?? '');
  const ready = await preparedFile(file, folder, async ({ extra, ...written }) => {
    const own = (extra as { session: Record<string, string> }).session;
    const made = await InferenceSession.create(file, {
      ...options,
      ...written,
      extra: { session: { ...session, ...own } },
    });
    await made.release();
  });
  if (ready === file) return prove(await create(file));
  let endTrial = (): void => {};
  try {
    let opened: InferenceSession;
    try {
      endTrial = beginTrial(folder);
      opened = await create(ready);
    } catch {
      rmSync(folder, { recursive: true, force: true }); // of no use, whatever is wrong with it
      opened = await create(file);
    }
    return await prove(opened);
  } finally {
    endTrial(); // also where it was refused: this process lives
  }
}
