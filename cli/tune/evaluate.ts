/** Measures candidates, each in a process of its own: starts it, gives it its job, waits for the answer, and never for ever. */
import { fork } from 'node:child_process';
import { MeshError } from '../../chassis/errors.js';
import type { Candidate } from './candidate.js';
import type { MeasureAnswer, MeasureJob } from './measure-process.js';

type Answer<K extends MeasureAnswer['kind']> = Extract<MeasureAnswer, { kind: K }>;

/** Both reject with MODEL_FAILED where the candidate cannot be run. */
export interface Evaluator {
  sustained(candidate: Candidate, seconds: number, p99TargetMs: number): Promise<Answer<'sustained'>>;
  curve(candidate: Candidate, perSecond: readonly number[], secondsEach: number): Promise<Answer<'curve'>>;
}

const SCRIPT = new URL('./measure-process.js', import.meta.url);
/** For what a job takes beyond its measuring: loading the model, working off a backlog. */
const EXTRA_MS = 180_000;

export function createEvaluator(job: Omit<MeasureJob, 'candidate' | 'want'>, env: NodeJS.ProcessEnv): Evaluator {
  async function measure(candidate: Candidate, want: MeasureJob['want'], seconds: number): Promise<MeasureAnswer> {
    const answer = await ask({ ...job, candidate, want }, env, seconds * 3_000 + EXTRA_MS);
    if (answer.kind === 'failed') throw failed(job.model, answer.reason);
    return answer;
  }
  return {
    async sustained(candidate, seconds, p99TargetMs) {
      const want = { kind: 'sustained' as const, seconds, p99TargetMs };
      return (await measure(candidate, want, seconds)) as Answer<'sustained'>;
    },
    async curve(candidate, perSecond, secondsEach) {
      const want = { kind: 'curve' as const, perSecond, secondsEach };
      return (await measure(candidate, want, secondsEach * perSecond.length)) as Answer<'curve'>;
    },
  };
}

function failed(model: string, reason: string): MeshError {
  return new MeshError('MODEL_FAILED', `${model} could not be measured: ${reason}`, { facts: { model } });
}

function ask(job: MeasureJob, env: NodeJS.ProcessEnv, limitMs: number): Promise<MeasureAnswer> {
  return new Promise((resolve, reject) => {
    // "advanced": Infinity crosses as it is.
    const child = fork(SCRIPT, {
      env,
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    let answer: MeasureAnswer | undefined;
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.stderr?.on('data', (part: Buffer) => {
      said = (said + part.toString('utf8')).slice(-2_000);
    });
    child.once('message', (message) => {
      answer = message as MeasureAnswer;
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (answer) resolve(answer);
      else reject(failed(job.model, `its process ended with ${signal ?? code}${said ? `: ${said.trim()}` : ''}`));
    });
    child.send(job, (error) => {
      if (error) reject(error);
    });
  });
}
