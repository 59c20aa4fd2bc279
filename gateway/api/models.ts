/**
 * plexus.v1.Models over the whole mesh: every call goes to every instance it concerns, the answers are merged, and `instance`
 * says whose each one is ("embed/embed-1"). List, Get and Stats leave out instances that do not answer; Load and Unload fail
 * where one does, since a version that is loaded here and not there is what an operator must hear about.
 */
import type { CallContext } from '../../chassis/call.js';
import { fieldError, MeshError } from '../../chassis/errors.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { toMeshError } from '../../chassis/status.js';
import type { ModelsHandlers } from '../../protos/gen/plexus/v1/Models.js';
import { definition } from '../../protos/index.js';
import { CAPABILITIES } from '../../registry/registry.js';
import type { Upstream } from '../upstream/index.js';
import { forwarded } from './metadata.js';

type Methods = ReturnType<typeof definition<'plexus.v1.Models'>>;
type Request<M extends keyof Methods> = Methods[M] extends { requestSerialize(value: infer T): Buffer } ? T : never;
type Response<M extends keyof Methods> = Methods[M] extends { responseDeserialize(bytes: Buffer): infer T } ? T : never;

interface Told<M extends keyof Methods> {
  capability: string;
  instance: string;
  response?: Response<M>;
  error?: MeshError;
}

export function createModelsService(upstream: Upstream): ServiceBinding {
  const methods = definition('plexus.v1.Models');

  /** Asks every instance of the capabilities. Never rejects; NO_INSTANCE where there is none to ask. */
  const ask = async <M extends keyof Methods>(
    name: M,
    request: Request<M>,
    capabilities: readonly string[],
    context: CallContext,
  ): Promise<Told<M>[]> => {
    const method = methods[name] as unknown as {
      requestSerialize(value: Request<M>): Buffer;
      responseDeserialize(bytes: Buffer): Response<M>;
    };
    const bytes = method.requestSerialize(request);
    const asked = capabilities.flatMap((capability) =>
      upstream.instances(capability).map(({ id }) => ({ capability, instance: id })),
    );
    if (asked.length === 0)
      throw new MeshError(
        'NO_INSTANCE',
        `no instance of ${capabilities.join(', ')} is known; start one, or try again later`,
        { retryAfterMs: 1_000 },
      );
    return Promise.all(
      asked.map(async (one) => {
        try {
          const { response } = await upstream.unaryTo(one.instance, {
            capability: one.capability,
            method: `plexus.v1.Models/${name}`,
            request: bytes,
            deadlineMs: context.deadlineMs,
            signal: context.signal,
            metadata: forwarded(context),
            idempotent: true,
          });
          return { ...one, response: method.responseDeserialize(response) };
        } catch (error) {
          return { ...one, error: toMeshError(error) };
        }
      }),
    );
  };

  /** The capability whose instances know the model's name, where exactly one does. */
  const infer = async (model: string, context: CallContext): Promise<string> => {
    const name = model.split(/[@:]/, 1)[0] as string;
    let found = CAPABILITIES.filter((capability) =>
      upstream.instances(capability).some(({ models }) => models.some((each) => each.startsWith(`${name}@`))),
    );
    if (found.length === 0) {
      const listed = await ask('List', {}, CAPABILITIES, context);
      found = CAPABILITIES.filter((capability) =>
        listed.some(
          (told) => told.capability === capability && told.response?.models.some((each) => each.name === name),
        ),
      );
    }
    const [only] = found;
    if (only === undefined || found.length > 1) {
      throw fieldError(
        'FIELD_REQUIRED',
        'capability',
        `must be given: ${found.length > 1 ? `${found.join(' and ')} know "${name}"` : `no running instance knows "${name}"`}; one of ${CAPABILITIES.join(', ')}`,
      );
    }
    return only;
  };
  const chosen = (capability: string): readonly string[] => {
    if (capability === '') return CAPABILITIES;
    if (!CAPABILITIES.some((each) => each === capability))
      throw fieldError(
        'FIELD_INVALID',
        'capability',
        `must be one of ${CAPABILITIES.join(', ')}, is "${capability.slice(0, 80)}"`,
      );
    return [capability];
  };

  /** What was answered; the first error where nothing was. */
  const some = <M extends keyof Methods>(told: readonly Told<M>[]): (Told<M> & { response: Response<M> })[] => {
    const answers = told.filter((each): each is Told<M> & { response: Response<M> } => each.response !== undefined);
    if (answers.length === 0 && told[0]?.error) throw preferred(told.map(({ error }) => error as MeshError));
    return answers;
  };
  const every = <M extends keyof Methods>(told: readonly Told<M>[]): (Told<M> & { response: Response<M> })[] => {
    const failed = told.find(({ error }) => error !== undefined);
    if (failed?.error) {
      const { code, message, violations, facts, retryAfterMs } = failed.error;
      throw new MeshError(code, `${failed.capability}/${failed.instance}: ${message}`, {
        violations,
        facts,
        cause: failed.error,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      });
    }
    return some(told);
  };
  const owned = <T extends { instance: string }>(
    told: { capability: string; instance: string },
    items: readonly T[],
  ): T[] => items.map((item) => ({ ...item, instance: `${told.capability}/${told.instance}` }));

  return implement<ModelsHandlers>('plexus.v1.Models', {
    async List(request, context) {
      const told = some(await ask('List', {}, chosen(request.capability), context));
      return { models: told.flatMap((each) => owned(each, each.response.models)) };
    },
    async Get(request, context) {
      const told = some(await ask('Get', { model: request.model }, chosen(request.capability), context));
      return { models: told.flatMap((each) => owned(each, each.response.models)) };
    },
    async Load(request, context) {
      const capability = request.capability || (await infer(needed(request.model), context));
      const told = every(await ask('Load', { model: needed(request.model) }, chosen(capability), context));
      return { models: told.flatMap((each) => owned(each, each.response.models)) };
    },
    async Unload(request, context) {
      const capability = request.capability || (await infer(needed(request.model), context));
      const told = every(await ask('Unload', { model: needed(request.model) }, chosen(capability), context));
      return { models: told.flatMap((each) => owned(each, each.response.models)) };
    },
    async Stats(request, context) {
      const told = some(await ask('Stats', { model: request.model }, chosen(request.capability), context));
      return { stats: told.flatMap((each) => owned(each, each.response.stats)) };
    },
  });
}

function needed(model: string): string {
  if (model === '') throw fieldError('FIELD_REQUIRED', 'model', 'must be "name@version"');
  return model;
}

/** An error about the request tells the caller more than one about an instance. */
function preferred(errors: readonly MeshError[]): MeshError {
  return errors.find((error) => !error.retryable) ?? (errors[0] as MeshError);
}
