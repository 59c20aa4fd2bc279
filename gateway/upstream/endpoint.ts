/**
 * One instance of a capability as the gateway sees it: its place in the rotation, its load, its connections. Everything that
 * is sent to it passes through `begin`, so that every observer hears of every attempt, unary or stream. The observers are
 * listed in stack.ts.
 */
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import { LOAD_REPORT_KEY } from '../../chassis/load-report.js';
import type { Instance } from '../../registry/registry.js';
import type { Breaker } from './breaker.js';
import type { Counters } from './counters.js';
import { type Cuts, createCuts } from './cuts.js';
import type { Ejector } from './eject.js';
import { PeakEwma } from './ewma.js';
import type { Attempt, Dependant, Flight } from './flight.js';
import { type Outcome, type Verdict, verdictOf } from './outcome.js';
import { isInside, type Poison } from './poison.js';
import type { Pool } from './pool.js';
import { Reported } from './reported.js';

/** Hears how every attempt ended. */
export interface Observer {
  end(outcome: Outcome): void;
}

/**
 * serving: in rotation. silent: does not answer pings. lost: refuses connections. leaving: says it drains. ejected: fails more
 * than its siblings. open: its breaker is open. gone: no longer in the registry, finishing what is in flight.
 */
export type InstanceState = 'serving' | 'silent' | 'lost' | 'leaving' | 'ejected' | 'open' | 'gone';

/** What the pulse last found. */
export type Pulse = 'serving' | 'silent' | 'lost' | 'leaving';

export interface InstanceStatus {
  readonly id: string;
  readonly capability: string;
  readonly address: string;
  readonly version: string;
  readonly models: readonly string[];
  readonly weight: number;
  readonly state: InstanceState;
  readonly inFlight: number;
  /** Attempts sent to it since the gateway knows it. */
  readonly attempts: number;
  /** Peak EWMA, milliseconds; 0 before the first answer. */
  readonly latencyMs: number;
  /** Milliseconds a call would wait in its queue by its last load report; 0 where it sent none lately. */
  readonly queueMs: number;
}

/**
 * An attempt as its sender holds it. A class, because one is made for every attempt and an object literal with accessors
 * costs ten times as much (measured: 1 us). Also a node in its endpoint's list of attempts that wait for an answer.
 */
export class Begun implements Attempt, Dependant {
  readonly flight: Flight;
  readonly endpoint: Endpoint;
  readonly startedMs: number;
  /** Why it was cut by us, once it was. */
  cancelled: MeshError | undefined;
  /** Begun before and after it, both still waiting. */
  older: Begun | undefined;
  newer: Begun | undefined;
  #pending: Dependant | undefined;
  /** Its caller hears of the end by its flight alone, so that what was sent may be cancelled later. */
  #patient = false;
  #firstMs: number | undefined;
  #ended = false;

  /** Use Endpoint.begin. */
  constructor(flight: Flight, endpoint: Endpoint) {
    this.flight = flight;
    this.endpoint = endpoint;
    this.startedMs = flight.nowMs;
    flight.attach(this);
  }

  cancel(reason: MeshError): void {
    if (this.#ended || this.cancelled) return;
    this.cancelled = reason;
    const pending = this.#pending;
    if (!pending) return;
    if (this.#patient && this.flight.ended) this.endpoint.cuts.add(() => pending.cancel(reason));
    else pending.cancel(reason);
  }

  /** What was sent for it: `cancel` cancels that. `patient`: not at once, where thousands are and nobody waits. */
  sent(pending: Dependant, patient: boolean): void {
    this.#pending = pending;
    this.#patient = patient;
    if (this.cancelled) pending.cancel(this.cancelled);
  }

  /** A sign of an answer; latency is counted to the first, after which a stream waits for nothing. Returns the time. */
  heard(): number {
    const nowMs = this.endpoint.nowMs();
    this.endpoint.heardMs = nowMs;
    if (this.#firstMs === undefined) {
      this.#firstMs = nowMs - this.startedMs;
      this.endpoint.answers(this);
    }
    return nowMs;
  }

  /** The attempt ended. Only the first call counts. */
  end(error: MeshError | undefined, nowMs: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.flight.running--;
    this.flight.nowMs = nowMs;
    this.flight.detach(this);
    const ms = this.flight.call.untimed ? undefined : (this.#firstMs ?? nowMs - this.startedMs);
    this.endpoint.ended(this, error, ms, nowMs);
  }
}

export class Endpoint {
  instance: Instance;
  readonly pool: Pool;
  readonly cuts: Cuts;
  readonly load = new PeakEwma();
  /** Monotonic milliseconds from which slow start counts; minus infinity for one that needs none. */
  startedMs = Number.NEGATIVE_INFINITY;
  pulse: Pulse = 'serving';
  ejected = false;
  gone = false;
  breaker: Breaker | undefined;
  ejector: Ejector | undefined;
  /** Retries leave it alone until then: it said so (pushback). Monotonic. */
  restUntilMs = 0;
  /** When it last gave any sign of life. Monotonic. */
  heardMs: number;
  attempts = 0;
  readonly reported: Reported | undefined;
  /** Attempts in flight, streams to their end. */
  inFlight = 0;
  /**
   * The attempt that has waited longest for its answer; the others follow by `newer`. Not in the list: streams that have begun
   * to answer and calls whose time says nothing, since what is read here is how long an instance lets calls wait.
   */
  oldest: Begun | undefined;
  #newest: Begun | undefined;
  readonly #untimed = new Set<Begun>();
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #poison: Poison | undefined;
  readonly #observers: readonly Observer[];

  constructor(
    instance: Instance,
    options: {
      pool: Pool;
      clock: Clock;
      counters: Counters;
      /** Of the whole capability; undefined where it is switched off. */
      poison?: Poison | undefined;
      /** False: load reports of the instance are not used. */
      loadReports?: boolean;
      observers: (endpoint: Endpoint) => readonly Observer[];
    },
  ) {
    this.instance = instance;
    this.pool = options.pool;
    this.#clock = options.clock;
    this.cuts = createCuts(options.clock);
    this.#counters = options.counters;
    this.#poison = options.poison;
    this.reported = (options.loadReports ?? true) ? new Reported() : undefined;
    this.heardMs = this.#clock.monotonic();
    this.#observers = options.observers(this);
  }

  get id(): string {
    return this.instance.id;
  }

  get state(): InstanceState {
    if (this.gone) return 'gone';
    if (this.pulse !== 'serving') return this.pulse;
    if (this.breaker?.open) return 'open';
    return this.ejected ? 'ejected' : 'serving';
  }

  /** True where it has the model that a reference names; aliases are taken for any version. */
  serves(reference: string | undefined): boolean {
    if (!reference) return true;
    if (reference.includes('@')) return this.instance.models.includes(reference);
    const colon = reference.indexOf(':');
    const prefix = `${colon < 0 ? reference : reference.slice(0, colon)}@`;
    return this.instance.models.some((model) => model.startsWith(prefix));
  }

  /** Monotonic milliseconds. */
  nowMs(): number {
    return this.#clock.monotonic();
  }

  /** Something is about to be sent. The sender must call `end` on what it is given. */
  begin(flight: Flight): Begun {
    const begun = new Begun(flight, this);
    if (flight.call.untimed) this.#untimed.add(begun);
    else this.#enlist(begun);
    this.inFlight++;
    this.attempts++;
    this.#counters.attempts++;
    flight.attempts++;
    flight.running++;
    flight.tried.push(this);
    flight.latest = begun;
    return begun;
  }

  #enlist(begun: Begun): void {
    if (this.#newest) {
      begun.older = this.#newest;
      this.#newest.newer = begun;
    } else this.oldest = begun;
    this.#newest = begun;
  }

  /** For Begun.heard and Begun.end: it waits no longer. Asking twice changes nothing. */
  answers(begun: Begun): void {
    const { older, newer } = begun;
    if (older) older.newer = newer;
    else if (this.oldest === begun) this.oldest = newer;
    if (newer) newer.older = older;
    else if (this.#newest === begun) this.#newest = older;
    begun.older = undefined;
    begun.newer = undefined;
  }

  /** For Begun.end: tells the observers. */
  ended(begun: Begun, error: MeshError | undefined, ms: number | undefined, nowMs: number): void {
    this.answers(begun);
    if (begun.flight.call.untimed) this.#untimed.delete(begun);
    this.inFlight--;
    // What was cut here says nothing, whatever the reason: of silence the pulse is the judge. It may be answered before its turn.
    const verdict = begun.cancelled && error ? 'unknown' : this.#judge(begun.flight, error, nowMs);
    // An error of the instance is a sign of life too.
    if (verdict !== 'unknown') this.heardMs = nowMs;
    const beaten = begun.cancelled?.code === 'CANCELLED' && !begun.flight.ended;
    const outcome: Outcome = { verdict, error, ms, beaten, nowMs };
    for (const observer of this.#observers) observer.end(outcome);
  }

  /** Trailers of an answer: they may carry a load report. */
  heardTrailers(trailers: Readonly<Record<string, string>>, nowMs: number): void {
    const report = trailers[LOAD_REPORT_KEY];
    if (report !== undefined && this.reported?.take(report, nowMs)) this.#counters.loadReports++;
  }

  #judge(flight: Flight, error: MeshError | undefined, nowMs: number): Verdict {
    const verdict = verdictOf(error);
    if (!this.#poison || flight.call.request.length === 0) return verdict;
    if (!error) this.#poison.answered(flight.call);
    else if (verdict === 'failed' && isInside(error)) {
      const { charged, poisonous } = this.#poison.failed(flight.call, this.id, nowMs);
      flight.poisonous ||= poisonous;
      if (!charged) {
        this.#counters.poisoned++;
        return 'poisoned';
      }
    }
    return verdict;
  }

  /** The attempts that wait for an answer, oldest first. */
  waiting(): Begun[] {
    const waiting: Begun[] = [];
    for (let begun = this.oldest; begun; begun = begun.newer) waiting.push(begun);
    return waiting;
  }

  /** Ends the calls that are about this instance: nobody else can answer them. */
  giveUp(reason: MeshError): void {
    for (const begun of this.#untimed) if (begun.flight.call.idempotent) begun.cancel(reason);
  }

  status(): InstanceStatus {
    const { id, capability, address, version, models, weight } = this.instance;
    return {
      id,
      capability,
      address,
      version,
      models,
      weight,
      state: this.state,
      inFlight: this.inFlight,
      attempts: this.attempts,
      queueMs: this.reported?.queueMs(this.#clock.monotonic()) ?? 0,
      latencyMs: this.load.known ? this.load.valueMs(this.#clock.monotonic()) : 0,
    };
  }
}
