/**
 * Is the instance there? A gRPC health check on a connection of its own: every second while it is idle, and as soon as it has
 * calls but has said nothing for a while. A service answers health within milliseconds whatever its models do, so a ping
 * unanswered for a quarter of a second means a stopped process or a dead line: no call goes there any more, and those in
 * flight move on soon after. The ping stays out meanwhile, and its answer brings the instance back.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import { serviceName } from './call.js';
import type { Counters } from './counters.js';
import type { Endpoint, Pulse } from './endpoint.js';
import type { Connect, Pending, Transport } from './transport.js';

export interface PulseOptions {
  endpoint: Endpoint;
  connect: Connect;
  silenceMs: number;
  timeoutMs: number;
  idleMs: number;
  clock: Clock;
  counters: Counters;
  /** The pulse changed; the endpoint has the new one already. */
  onChange: (from: Pulse) => void;
  /** It has been silent for so long that its calls should move on; told with every tick while that lasts. */
  onDead: () => void;
}

export interface PulseWatch {
  /** Something looks wrong: ping now. */
  suspect(): void;
  stop(): void;
}

/** Timeouts after which calls in flight move on too: most are hedged by then, and a mere pause should not cost retries. */
const DEAD_AFTER = 2;
/** A ping unanswered for this long is given up, and the next goes out on a new connection. */
const GIVE_UP_MS = 5_000;
/** Between pings of an instance that refuses connections or drains. */
const ABSENT_MS = 250;

export function createPulse(options: PulseOptions): PulseWatch {
  const { endpoint, connect, silenceMs, timeoutMs, idleMs, clock, counters, onChange, onDead } = options;
  const tickMs = Math.max(5, silenceMs / 2);
  const request = healthRequest(serviceName(endpoint.instance.capability));
  let transport: Transport | undefined;
  let ping: { sentMs: number; pending: Pending } | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  let tickedMs = clock.monotonic();
  let stopped = false;
  let cancelTick = (): void => {};

  const become = (pulse: Pulse): void => {
    const from = endpoint.pulse;
    if (from === pulse || stopped) return;
    endpoint.pulse = pulse;
    if (pulse === 'silent') counters.silences++;
    onChange(from);
  };
  const hangUp = (): void => {
    transport?.close();
    transport = undefined;
  };
  const send = (): void => {
    lastMs = clock.monotonic();
    transport ??= connect(endpoint.instance.address);
    const pending = transport.unary('grpc.health.v1.Health/Check', request, {
      deadlineMs: clock.now() + GIVE_UP_MS * 2,
      metadata: undefined,
    });
    const sent = { sentMs: lastMs, pending };
    ping = sent;
    const finish = (found: Pulse): void => {
      if (ping !== sent) return;
      ping = undefined;
      if (found !== 'lost') endpoint.heardMs = clock.monotonic();
      else hangUp(); // a channel that was refused would wait out its back-off; a new one asks again at once
      become(found);
    };
    pending.answer.then(
      ({ response }) => finish(isServing(response) ? 'serving' : 'leaving'),
      (error) => finish(pulseOf(toMeshError(error))),
    );
  };
  const tick = (): void => {
    if (stopped) return;
    const nowMs = clock.monotonic();
    // A tick that comes late says that this process was held up: answers may lie unread in the socket, so nobody is judged now.
    const late = nowMs - tickedMs > tickMs + timeoutMs / 2;
    tickedMs = nowMs;
    cancelTick = clock.after(tickMs, tick);
    if (late) return;
    if (ping) {
      if (nowMs - ping.sentMs >= timeoutMs && endpoint.pulse === 'serving') become('silent');
      if (nowMs - ping.sentMs >= timeoutMs * DEAD_AFTER && endpoint.pulse === 'silent') onDead();
      if (nowMs - ping.sentMs >= GIVE_UP_MS) {
        const { pending } = ping;
        ping = undefined;
        pending.cancel(new MeshError('CANCELLED', 'the ping was given up'));
        hangUp();
      }
    } else if (isDue(nowMs)) send();
  };
  const isDue = (nowMs: number): boolean => {
    if (nowMs - lastMs >= (endpoint.pulse === 'serving' ? idleMs : ABSENT_MS)) return true;
    if (nowMs - endpoint.heardMs < silenceMs) return false;
    const { oldest } = endpoint;
    return oldest !== undefined && nowMs - oldest.startedMs >= silenceMs;
  };
  tick();

  return {
    suspect() {
      if (!ping && !stopped && endpoint.pulse === 'serving') send();
    },
    stop() {
      stopped = true;
      cancelTick();
      ping?.pending.cancel(new MeshError('CANCELLED', 'the instance left the registry'));
      ping = undefined;
      hangUp();
    },
  };
}

/** HealthCheckRequest { service }. */
export function healthRequest(service: string): Buffer {
  return Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(service)]), Buffer.from(service)]);
}

/** HealthCheckResponse { status }: SERVING is 1. */
export function isServing(response: Buffer): boolean {
  return response.length >= 2 && response[0] === 0x08 && response[1] === 1;
}

/** A server without this health name, or without health at all, is there too. */
function pulseOf(error: MeshError): Pulse {
  if (error.code === 'UPSTREAM_UNREACHABLE') return 'lost';
  return error.code === 'SHUTTING_DOWN' ? 'leaving' : 'serving';
}
