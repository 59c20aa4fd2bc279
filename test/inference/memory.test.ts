import assert from 'node:assert/strict';
import type { MeshError } from '../../chassis/errors.js';
import { createMemory, memoryBytesMax, reckonBytes } from '../../inference/memory.js';

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
