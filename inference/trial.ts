/**
 * A process that is ended by what it tries leaves a trace: a file that stands for as long as the trial lasts. So a prepared model
 * that onnxruntime dies of is not tried by every process that is started in its place.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

/** Trials that were never ended before nobody tries again; one may be a kill -9 in the wrong moment. */
const DEAD_MAX = 2;
/** Clocks that are read apart differ by less; a process number is not given again so soon. */
const SAME_START_S = 5;

/** Seconds since the epoch; the same for all threads of a process. */
const startS = (): number => Math.round(Date.now() / 1_000 - process.uptime());

/** Begins a trial of what lies in `folder`; call what it returns once all went well. */
export function beginTrial(folder: string): () => void {
  const file = join(folder, `trial-${process.pid}-${startS()}-${threadId}`);
  writeFileSync(file, '');
  return () => rmSync(file, { force: true });
}

/** True where too many trials of it ended with their process. */
export function isDeadly(folder: string): boolean {
  const trials = readdirSync(folder).map((name) => /^trial-(\d+)-(\d+)-\d+$/.exec(name));
  return trials.filter((trial) => trial && !running(Number(trial[1]), Number(trial[2]))).length >= DEAD_MAX;
}

function running(pid: number, since: number): boolean {
  // In containers everybody has the same number.
  if (pid === process.pid) return Math.abs(since - startS()) <= SAME_START_S;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
