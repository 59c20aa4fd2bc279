import assert from 'node:assert/strict';
import { formatReference, parseReference } from '../../models/index.js';
import { classifyWeightFile, precisionsOf, requireWeightFile, weightFile, weightFiles } from '../../models/weights.js';
import { withCode } from '../kit/model-folder.js';

describe('a reference to a model', () => {
  const good: [string, object][] = [
    ['', { name: '' }],
    ['minilm', { name: 'minilm' }],
    ['minilm@2', { name: 'minilm', version: '2' }],
    ['minilm:stable', { name: 'minilm', alias: 'stable' }],
    ['org/minilm@751bff37182d-int8', { name: 'org/minilm', version: '751bff37182d-int8' }],
  ];
  for (const [text, reference] of good) {
    it(`reads ${JSON.stringify(text)} and writes it again`, () => {
      assert.deepEqual(parseReference(text), reference);
      assert.equal(formatReference(parseReference(text)), text);
    });
  }

  for (const text of ['@1', 'a@', 'a:', 'a@1:b', 'a b', '../a', 'a/../b', '/a', 'ä', `${'x'.repeat(200)}`]) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}, naming the field`, () => {
      assert.throws(() => parseReference(text, 'embedder'), withCode('MODEL_REFERENCE_INVALID', /^embedder: must be/));
    });
  }
});

describe('names of weight files', () => {
  it('tell graph and precision', () => {
    const read = (path: string) => {
      const found = classifyWeightFile(path);
      return found && [found.part, found.precision];
    };
    assert.deepEqual(read('onnx/model.onnx'), ['model', 'fp32']);
    assert.deepEqual(read('onnx/model_quantized.onnx'), ['model', 'int8']);
    assert.deepEqual(read('model_qint8_avx512_vnni.onnx'), ['model', 'int8']);
    assert.deepEqual(read('onnx/decoder_with_past_model_fp16.onnx'), ['decoder_with_past_model', 'fp16']);
    assert.deepEqual(read('onnx/decoder_model_merged_quantized.onnx'), ['decoder_model_merged', 'int8']);
    assert.deepEqual(read('onnx/encoder_model_q4.onnx'), ['encoder_model', 'q4']);
    for (const path of ['onnx/vision_model.onnx', 'model.onnx_data', 'onnx/model_odd.onnx', 'model.bin'])
      assert.equal(read(path), undefined, path);
  });

  it('the most usual name of a precision wins, and the onnx folder', () => {
    const paths = ['model_int8.onnx', 'onnx/model_uint8.onnx', 'onnx/model_int8.onnx', 'onnx/model_quantized.onnx'];
    assert.equal(weightFiles(paths, 'int8').get('model'), 'onnx/model_quantized.onnx');
    assert.equal(weightFiles(paths.slice(0, 3), 'int8').get('model'), 'onnx/model_int8.onnx');
  });

  it('half a model is none: an encoder needs a decoder', () => {
    assert.deepEqual(precisionsOf(['onnx/encoder_model.onnx']), []);
    assert.deepEqual(precisionsOf(['onnx/encoder_model.onnx', 'onnx/decoder_model.onnx']), ['fp32']);
    assert.deepEqual(precisionsOf(['onnx/model.onnx', 'onnx/model_q4.onnx', 'onnx/model_quantized.onnx']), [
      'int8',
      'fp32',
      'q4',
    ]);
  });

  it('a single file is taken whatever its name says; of several, only the right one', () => {
    const file = (path: string) => ({ path, bytes: 1, sha256: '' });
    assert.equal(weightFile({ files: [file('onnx/model.onnx')], precision: 'int8' }, 'model'), 'onnx/model.onnx');
    assert.equal(
      weightFile({ files: [file('onnx/model.onnx'), file('onnx/model_q4.onnx')], precision: 'int8' }, 'model'),
      undefined,
    );
    const manifest = { name: 'm', version: '1', files: [], precision: 'int8' } as unknown as Parameters<
      typeof requireWeightFile
    >[0];
    assert.throws(
      () => requireWeightFile(manifest, 'model'),
      withCode('MODEL_UNSUPPORTED', /m@1 has no model in int8/),
    );
  });
});
