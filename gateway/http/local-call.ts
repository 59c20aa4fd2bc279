/**
 * Calls a bound gRPC service inside the process: what the HTTP side uses, so that JSON calls pass the same interceptors
 * (metrics, log, admission), deadlines and error conversion as gRPC ones, without a socket between. Stands in for the call
 * objects of grpc-js as far as chassis/implement.ts reads them.
 */
import { EventEmitter } from 'node:events';
import type { Metadata, MethodDefinition, ServiceError } from '@grpc/grpc-js';
import { MeshError } from '../../chassis/errors.js';
import type { ServerRuntime, ServiceBinding } from '../../chassis/implement.js';
import { fromServiceError } from '../../chassis/status.js';

/** Messages that wait for a slow reader before the handler is asked to wait. */
const WAITING_MAX = 16;

export interface LocalCallOptions {
  /** The request, encoded. */
  request: Buffer;
  metadata: Metadata;
  /** Milliseconds since the epoch; Infinity for the server's default. */
  deadlineMs: number;
  /** Aborts when the caller goes away. */
  signal: AbortSignal;
}

export interface LocalAnswer {
  response: Buffer;
  trailers: Readonly<Record<string, string>>;
}

export interface LocalService {
  readonly name: string;
  unary(method: string, options: LocalCallOptions): Promise<LocalAnswer>;
  /** Encoded messages; leaving the loop cancels the call. */
  serverStream(method: string, options: LocalCallOptions): AsyncGenerator<Buffer, void>;
}

type Handler = (
  call: LocalCall,
  callback?: (error: object | null, response?: unknown, trailers?: Metadata) => void,
) => void;

export function bindLocally(binding: ServiceBinding, runtime: ServerRuntime): LocalService {
  const bound = binding.bind(runtime) as unknown as Record<string, Handler>;
  const definitionOf = (method: string): MethodDefinition<unknown, unknown> => {
    const found = binding.definition[method];
    if (!found) throw new MeshError('METHOD_UNKNOWN', `${binding.name} has no method ${method}`);
    return found as MethodDefinition<unknown, unknown>;
  };
  const begin = (method: string, options: LocalCallOptions): { call: LocalCall; stop: () => void } => {
    const call = new LocalCall(definitionOf(method).requestDeserialize(options.request), options);
    const onAbort = (): void => call.cancel();
    if (options.signal.aborted) onAbort();
    options.signal.addEventListener('abort', onAbort, { once: true });
    return { call, stop: () => options.signal.removeEventListener('abort', onAbort) };
  };

  return {
    name: binding.name,
    unary(method, options) {
      const { responseSerialize } = definitionOf(method);
      return new Promise((resolve, reject) => {
        const { call, stop } = begin(method, options);
        bound[method]?.(call, (error, response, trailers) => {
          stop();
          if (error) reject(asMeshError(error));
          else resolve({ response: responseSerialize(response), trailers: plain(trailers) });
        });
      });
    },
    async *serverStream(method, options) {
      const { responseSerialize } = definitionOf(method);
      const { call, stop } = begin(method, options);
      bound[method]?.(call);
      try {
        for await (const message of call.messages()) yield responseSerialize(message);
      } finally {
        stop();
        call.cancel(); // no effect on a call that has ended; stops one whose reader left
      }
    },
  };
}

class LocalCall extends EventEmitter {
  readonly request: unknown;
  readonly metadata: Metadata;
  cancelled = false;
  readonly #deadlineMs: number;
  readonly #waiting: unknown[] = [];
  #end: { error?: MeshError } | undefined;
  #wake = (): void => {};

  constructor(request: unknown, { metadata, deadlineMs }: LocalCallOptions) {
    super();
    this.request = request;
    this.metadata = metadata;
    this.#deadlineMs = deadlineMs;
    this.on('error', (status: object) => this.#finish({ error: asMeshError(status) }));
  }

  getDeadline(): number {
    return this.#deadlineMs;
  }

  write(message: unknown): boolean {
    this.#waiting.push(message);
    this.#wake();
    return this.#waiting.length < WAITING_MAX;
  }

  end(): void {
    this.#finish({});
  }

  cancel(): void {
    if (this.cancelled || this.#end) return;
    this.cancelled = true;
    this.emit('cancelled');
  }

  async *messages(): AsyncGenerator<unknown> {
    for (;;) {
      if (this.#waiting.length > 0) {
        yield this.#waiting.shift();
        this.emit('drain');
      } else if (this.#end) {
        if (this.#end.error) throw this.#end.error;
        return;
      } else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  #finish(end: { error?: MeshError }): void {
    this.#end ??= end;
    this.#wake();
  }
}

function asMeshError(status: object): MeshError {
  return fromServiceError(status as ServiceError);
}

function plain(metadata: Metadata | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata?.getMap() ?? {}))
    if (typeof value === 'string') found[key] = value;
  return found;
}
