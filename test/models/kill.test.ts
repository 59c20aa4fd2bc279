/** A pull that is killed in the middle, as a process, and taken up by another. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRepository } from '../../models/index.js';
import { packageRoot } from '../../protos/index.js';
import { plexus } from '../kit/cli.js';
import { type Hub, startHub } from '../kit/hub.js';
import { embedderFiles, temporaryFolders } from '../kit/model-folder.js';

const WEIGHTS = Buffer.alloc(4_000_000, 'weights of a model, ');
const HALF = 2_000_000;

describe('a pull that was killed with kill -9', function () {
  this.timeout(60_000);
  const temporary = temporaryFolders();
  let hub: Hub;
  before(async () => {
    hub = await startHub({ 'org/big': { files: { ...embedderFiles, 'onnx/model_quantized.onnx': WEIGHTS } } });
  });
  after(() => hub.close());

  it('left no model behind, and the next one resumes and completes it', async () => {
    const cache = temporary();
    const env = { HF_ENDPOINT: hub.endpoint, PLEXUS_CACHE: cache, HF_HOME: join(cache, 'hf') };
    hub.fault('onnx/model_quantized.onnx', { kind: 'hold', after: HALF });
    const child = spawn(process.execPath, [join(packageRoot, 'bin/plexus.js'), 'models', 'pull', 'org/big'], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    await hub.untilSent('onnx/model_quantized.onnx', HALF);
    await untilBytes(cache, 100_000);
    child.kill('SIGKILL');
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.equal(signal, 'SIGKILL');
    assert.ok(!existsSync(join(cache, 'models')));
    assert.deepEqual(await createRepository({ folders: [join(cache, 'models')] }).list(), []);

    hub.requests.length = 0;
    const second = await plexus(['models', 'pull', 'org/big'], env);
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, /onnx\/model_quantized\.onnx 4\.0 MB \(resumed\)/);
    const resumed = hub.requests.find(
      ({ origin, path }) => origin === 'storage' && path.endsWith('model_quantized.onnx'),
    );
    assert.match(resumed?.range ?? '', /^bytes=[1-9]\d*-$/);
    const repository = createRepository({ folders: [join(cache, 'models')] });
    const [model] = await repository.list();
    assert.ok(model);
    await repository.verify(model);
    assert.deepEqual(readFileSync(join(model.folder, 'onnx/model_quantized.onnx')), WEIGHTS);
    assert.deepEqual(readdirSync(join(cache, 'staging')), []);
  });

  /** Sent is not yet written: waits for what the killed process left on the disk. */
  async function untilBytes(cache: string, bytes: number): Promise<void> {
    const deadlineMs = Date.now() + 20_000;
    while (Date.now() < deadlineMs) {
      const [folder] = readdirSync(join(cache, 'staging'));
      const part = join(cache, 'staging', folder ?? '', 'files/onnx/model_quantized.onnx.part');
      if (existsSync(part) && readFileSync(part).length >= bytes) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('nothing was written in 20 s');
  }
});
