/** upstream-instance.ts as child processes on real ports: to be killed, stopped, restarted on the same port. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServerSettings } from '../../chassis/server.js';
import type { UpstreamSettings } from '../../gateway/upstream/index.js';
import type { Instance } from '../../registry/registry.js';
import type { Conduct, TestInstance } from './upstream-instance.js';

export interface TestProcess {
  readonly instance: Instance;
  readonly pid: number;
  /** Sends a signal; resolves when the process has ended, at once for SIGSTOP and SIGCONT. */
  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
  /** Changes what it does; resolves with its counts once it has. */
  tell(conduct: Partial<Conduct>): Promise<TestInstance['counts']>;
}

const instanceMain = fileURLToPath(new URL('./upstream-instance.js', import.meta.url));
const gatewayMain = fileURLToPath(new URL('./gateway-process.js', import.meta.url));

export function startTestProcess(id: string, conduct: Partial<Conduct> = {}): Promise<TestProcess> {
  return startProcess(instanceMain, id, { conduct });
}

/** A gateway over the instances; to its client it is an instance of embed itself. */
export function startGatewayProcess(
  id: string,
  instances: readonly Instance[],
  settings: Partial<UpstreamSettings> = {},
  server: Partial<ServerSettings> = {},
): Promise<TestProcess> {
  return startProcess(gatewayMain, id, { instances, settings, server });
}

async function startProcess(main: string, id: string, options: object): Promise<TestProcess> {
  let port = 0;
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = fork(main, ['plexus-test-instance', JSON.stringify({ id, port, ...options })], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // Under source maps, which mocha runs with, every error costs a millisecond: 2,500 callers who leave would stop it for seconds.
      execArgv: process.execArgv.filter((flag) => flag !== '--enable-source-maps'),
    });
    const [message] = (await once(child, 'message')) as [{ port: number }];
    port = message.port;
  };
  await start();
  return {
    instance: {
      id,
      capability: 'embed',
      address: `127.0.0.1:${port}`,
      version: '0',
      zone: '',
      models: ['m@1'],
      weight: 1,
    },
    get pid() {
      return child.pid as number;
    },
    async signal(name) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(name);
      if (name === 'SIGKILL' || name === 'SIGTERM') await ended;
    },
    restart: start,
    async tell(changes) {
      child.send({ conduct: changes });
      const [message] = (await once(child, 'message')) as [{ counts: TestInstance['counts'] }];
      return message.counts;
    },
  };
}
