/**
 * One process of the mesh, kept alive: started again when it dies, with a back-off that doubles while it keeps dying young.
 * It runs in a process group of its own, so that Ctrl-C reaches only the supervisor, which then stops everything in order;
 * the IPC channel tells the process when the supervisor itself is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../chassis/clock.js';

export type ChildState =
  | { at: 'running'; pid: number; sinceMs: number }
  | { at: 'waiting'; untilMs: number; exit: string }
  | { at: 'stopping'; pid: number }
  | { at: 'stopped' };

export interface Child {
  readonly name: string;
  readonly state: ChildState;
  /** Times it was started again. */
  readonly restarts: number;
  start(): void;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

export interface ChildOptions {
  name: string;
  /** Arguments after the node executable. */
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  onChange(child: Child): void;
}

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** A process that lived this long starts again at once. */
const STABLE_MS = 20_000;

export function createChild({ name, args, env, clock, onChange }: ChildOptions): Child {
  let state: ChildState = { at: 'stopped' };
  let process_: ChildProcess | undefined;
  let backoffMs = BACKOFF_FIRST_MS;
  let restarts = 0;
  let wanted = false;
  let cancelRestart = (): void => {};
  let gone: () => void = () => {};

  const change = (next: ChildState): void => {
    state = next;
    onChange(child);
  };

  const launch = (): void => {
    const startedMs = clock.monotonic();
    const spawned = spawn(process.execPath, [...args], {
      env: env as NodeJS.ProcessEnv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    process_ = spawned;
    let ended = false;
    const onEnd = (exit: string): void => {
      if (ended) return;
      ended = true;
      process_ = undefined;
      if (!wanted) {
        change({ at: 'stopped' });
        gone();
        return;
      }
      if (clock.monotonic() - startedMs >= STABLE_MS) backoffMs = BACKOFF_FIRST_MS;
      change({ at: 'waiting', untilMs: clock.now() + backoffMs, exit });
      cancelRestart = clock.after(backoffMs, () => {
        restarts++;
        launch();
      });
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
    };
    spawned.once('error', (error) => onEnd(error.message));
    spawned.once('exit', (code, signal) => onEnd(signal ?? `exit ${code}`));
    if (spawned.pid !== undefined) change({ at: 'running', pid: spawned.pid, sinceMs: clock.now() });
  };

  const child: Child = {
    name,
    get state() {
      return state;
    },
    get restarts() {
      return restarts;
    },
    start() {
      if (wanted) return;
      wanted = true;
      launch();
    },
    stop(graceMs) {
      wanted = false;
      cancelRestart();
      const running = process_;
      if (!running?.pid) {
        if (state.at !== 'stopped') change({ at: 'stopped' });
        return Promise.resolve();
      }
      change({ at: 'stopping', pid: running.pid });
      return new Promise((resolve) => {
        const cancelKill = clock.after(graceMs, () => running.kill('SIGKILL'));
        gone = () => {
          cancelKill();
          resolve();
        };
        running.kill('SIGTERM');
      });
    },
  };
  return child;
}
