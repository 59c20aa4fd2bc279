/** The Open Inference Protocol at the gateway: what is asked of the server it answers itself, the rest goes on as bytes. */
import assert from 'node:assert/strict';
import { Metadata } from '@grpc/grpc-js';
import type { ServerRuntime } from '../../../chassis/implement.js';
import { createOpenInferenceService } from '../../../gateway/api/index.js';
import { bindLocally } from '../../../gateway/http/local-call.js';
import type { Upstream, UpstreamCall } from '../../../gateway/upstream/index.js';
import { definition } from '../../../protos/index.js';
import { createVirtualClock } from '../../kit/clock.js';

describe('the Open Inference Protocol at the gateway', () => {
  const methods = definition('inference.GRPCInferenceService');
  const calls: UpstreamCall[] = [];
  let serving = true;
  const upstream = {
    instances: (capability: string) => (capability === 'infer' && serving ? [{ id: 'infer-1', state: 'serving' }] : []),
    async unary(call: UpstreamCall) {
      calls.push(call);
      return { response: Buffer.from('answer'), trailers: {}, instance: 'infer-1', attempts: 1 };
    },
  } as unknown as Upstream;
  const runtime = {
    clock: createVirtualClock(),
    interceptors: [],
    defaultDeadlineMs: 1_000,
  } as unknown as ServerRuntime;
  const local = bindLocally(createOpenInferenceService(upstream), runtime);
  const ask = async (method: string, request: Buffer): Promise<Buffer> => {
    const options = { request, metadata: new Metadata(), deadlineMs: Infinity, signal: new AbortController().signal };
    return (await local.unary(method, options)).response;
  };

  it('lives without any instance, and is ready with one', async () => {
    const live = await ask('ServerLive', Buffer.alloc(0));
    assert.deepEqual(methods.ServerLive.responseDeserialize(live), { live: true });
    const ready = async () => methods.ServerReady.responseDeserialize(await ask('ServerReady', Buffer.alloc(0))).ready;
    assert.equal(await ready(), true);
    serving = false;
    assert.equal(await ready(), false);
    assert.equal(
      methods.ServerMetadata.responseDeserialize(await ask('ServerMetadata', Buffer.alloc(0))).name,
      'plexus',
    );
    assert.deepEqual(calls, []);
  });

  it('sends a call to an instance of infer that has the model, its bytes as they are', async () => {
    const request = methods.ModelInfer.requestSerialize({ modelName: 'scale', modelVersion: '2', inputs: [] });
    assert.equal((await ask('ModelInfer', request)).toString(), 'answer');
    const [call] = calls;
    assert.equal(call?.capability, 'infer');
    assert.equal(call?.method, 'inference.GRPCInferenceService/ModelInfer');
    assert.equal(call?.model, 'scale');
    assert.deepEqual(call?.request, request);
  });
});
