import assert from 'node:assert/strict';
import type { MeshError } from '../../chassis/errors.js';
import { createMemory, memoryBytesMax, reckonBytes, takeForWorkers } from '../../inference/memory.js';

const MIB = 2 ** 20;

describe('memory of models', () => {
  it('is reckoned once for all workers where they map one copy of the weights, else for each', () => {
    const [one, two] = [1, 2].map((workers) => reckonBytes(100 * MIB, workers, 'mapped')) as [number, number];
    assert.ok(one > 100 * MIB);
    assert.ok(two - one < 100 * MIB, 'a second worker takes less than the weights');
    assert.ok(reckonBytes(100 * MIB, 2, 'read') > 2 * 100 * MIB);
  });

  it('is nine tenths of the limit, less what the process takes, or what the setting says', () => {
    assert.equal(memoryBytesMax(5, 1e12), 5);
    assert.equal(memoryBytesMax(0, 1_000 * MIB), 804 * MIB);
    assert.equal(memoryBytesMax(0, 10 * MIB), 0);
  });

  it('is refused to a model that does not fit beside the others: the model, the need, what there is and what to do', () => {
    const memory = createMemory();
    memory.take('a@1', 300 * MIB, 500 * MIB);
    assert.throws(
      () => memory.take('b@1', 300 * MIB, 500 * MIB),
      (error: MeshError) => {
        assert.equal(error.code, 'MEMORY_SHORT');
        assert.match(
          error.message,
          /^b@1 needs about 300 MiB and 200 MiB of 500 MiB are left: unload .*PLEXUS_WORKERS.*PLEXUS_MEMORY_BYTES/,
        );
        return true;
      },
    );
    assert.equal(memory.takenBytes, 300 * MIB);
  });

  it('counts the data beside a graph by each of its names, and no other file', () => {
    const file = (path: string) => ({ path, bytes: 10 * MIB, sha256: '' });
    const reckoned = (...data: string[]): number => {
      const files = ['onnx/model.onnx', 'onnx/model.onnx.md', 'onnx/model_int8.onnx', ...data].map(file);
      const { bytes, giveBack } = takeForWorkers({ name: 'm', version: '1', files }, 'onnx/model.onnx', 1, {
        preparedFolder: '',
        memoryBytes: 1e12,
      });
      giveBack();
      return bytes;
    };
    const [without, other] = [reckoned(), reckoned('onnx/model_int8.onnx_data')];
    assert.equal(other, without);
    for (const name of ['onnx/model.onnx_data', 'onnx/model.onnx.data', 'onnx/model.onnx_data_7'])
      assert.equal(reckoned(name) - without, 15 * MIB, name);
  });

  it('is free again when a model gives it back, once', () => {
    const memory = createMemory();
    const giveBack = memory.take('a@1', 300, 500);
    memory.take('b@1', 200, 500);
    giveBack();
    giveBack();
    assert.equal(memory.takenBytes, 200);
    memory.take('c@1', 300, 500);
  });
});
