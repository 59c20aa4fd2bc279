import assert from 'node:assert/strict';
import { join } from 'node:path';
import { inferManifest, type Manifest } from '../../models/index.js';
import { embedderFiles, type Files, temporaryFolders, withCode, writeFiles } from '../kit/model-folder.js';

describe('a manifest inferred from a plain folder', () => {
  const temporary = temporaryFolders();
  async function infer(files: Files, name = 'model'): Promise<Manifest> {
    const folder = join(temporary(), 'model');
    writeFiles(folder, files);
    return inferManifest(folder, { name, version: '1' });
  }
  const config = (value: object): Files => ({
    'config.json': JSON.stringify(value),
    'tokenizer.json': '{}',
    'onnx/model.onnx': 'x',
  });
  const bert = { architectures: ['BertModel'], model_type: 'bert', hidden_size: 8, max_position_embeddings: 512 };

  it('takes task, architecture, length and precision from what is there', async () => {
    const manifest = await infer(embedderFiles);
    assert.equal(manifest.task, 'embed');
    assert.equal(manifest.architecture, 'bert');
    assert.equal(manifest.precision, 'int8');
    assert.equal(manifest.maxTokens, 32);
    assert.deepEqual(manifest.embed, { pooling: 'mean', normalize: true, dimensions: 8, prompts: {} });
    assert.equal(
      manifest.tokenizerDigest,
      `sha256:${manifest.files.find(({ path }) => path === 'tokenizer.json')?.sha256}`,
    );
  });

  const tasks: [object, string][] = [
    [{ architectures: ['BertForSequenceClassification'], id2label: { 0: 'NO', 1: 'YES' } }, 'classify'],
    [{ architectures: ['T5ForConditionalGeneration'] }, 'summarize'],
    [{ architectures: ['LlamaForCausalLM'] }, 'summarize'],
    [{ architectures: ['GPT2LMHeadModel'] }, 'summarize'],
    [{ architectures: ['MPNetModel'], hidden_size: 4 }, 'embed'],
    [{ architectures: ['BertForTokenClassification'] }, 'infer'],
    [{ architectures: ['BertForQuestionAnswering'] }, 'infer'],
    [{ architectures: ['BertForMaskedLM'] }, 'infer'],
    [{ architectures: ['WhatForEver'] }, 'infer'],
  ];
  for (const [value, task] of tasks) {
    it(`takes ${JSON.stringify(value)} for ${task}`, async () => {
      const name = task === 'summarize' ? { 'onnx/encoder_model.onnx': 'x', 'onnx/decoder_model.onnx': 'x' } : {};
      assert.equal((await infer({ ...config(value), ...name })).task, task);
    });
  }

  it('takes a graph without a tokenizer for what is called by its tensors, whatever the file is called', async () => {
    for (const path of ['model.onnx', 'onnx/model.onnx', 'resnet50-v2.onnx']) {
      const { task, precision, architecture, infer: own } = await infer({ [path]: 'x' });
      assert.deepEqual([task, precision, architecture, own], ['infer', 'fp32', 'unknown', { batchable: false }]);
    }
    const classifier = { architectures: ['BertForSequenceClassification'], id2label: { 0: 'NO', 1: 'YES' } };
    const files = { 'model.onnx': 'x', 'config.json': JSON.stringify({ ...classifier, batchable: true }) };
    const { task, infer: own } = await infer(files);
    assert.deepEqual([task, own], ['infer', { batchable: true }]);
    await assert.rejects(
      infer({ 'a.onnx': 'x', 'b.onnx': 'x' }),
      withCode('MODEL_UNSUPPORTED', /neither ONNX weights/),
    );
  });

  it('reads pooling and normalisation from the settings of sentence-transformers', async () => {
    const { embed } = await infer({
      ...config(bert),
      'modules.json': JSON.stringify([
        { type: 'sentence_transformers.models.Transformer' },
        { type: 'sentence_transformers.models.Pooling' },
      ]),
      '1_Pooling/config.json': JSON.stringify({
        word_embedding_dimension: 6,
        pooling_mode_cls_token: true,
        pooling_mode_mean_tokens: false,
      }),
      'sentence_bert_config.json': '{"max_seq_length":256}',
      'config_sentence_transformers.json': JSON.stringify({
        prompts: { query: 'q: ', document: 'd: ' },
        default_prompt_name: 'query',
      }),
    });
    assert.deepEqual(embed, {
      pooling: 'cls',
      normalize: false,
      dimensions: 6,
      prompts: { query: 'q: ', document: 'd: ' },
      defaultPrompt: 'query',
    });
  });

  it('reads every pooling of sentence-transformers: flags, several flags, and the names of its later versions', async () => {
    const pooled = async (settings: object) => {
      const { embed } = await infer({ ...config(bert), '1_Pooling/config.json': JSON.stringify(settings) });
      return [embed?.pooling, embed?.dimensions, embed?.poolPrompt];
    };
    assert.deepEqual(await pooled({ pooling_mode_weightedmean_tokens: true }), ['weightedmean', 8, undefined]);
    assert.deepEqual(await pooled({ pooling_mode_mean_sqrt_len_tokens: true }), ['mean_sqrt_len', 8, undefined]);
    // In the order sentence-transformers puts them, whatever the order of the file.
    assert.deepEqual(
      await pooled({ pooling_mode_lasttoken: true, pooling_mode_mean_tokens: true, pooling_mode_cls_token: true }),
      ['cls+mean+last', 24, undefined],
    );
    assert.deepEqual(await pooled({ pooling_mode: ['lasttoken', 'mean_sqrt_len_tokens'], embedding_dimension: 6 }), [
      'last+mean_sqrt_len',
      12,
      undefined,
    ]);
    assert.deepEqual(await pooled({ pooling_mode: 'max', include_prompt: false }), ['max', 8, false]);
  });

  it('takes a masked-LM head for sparse vectors where its files or its family say so', async () => {
    const masked = { ...bert, architectures: ['BertForMaskedLM'], vocab_size: 50 };
    const modules = JSON.stringify([
      { path: '', type: 'sentence_transformers.sparse_encoder.models.MLMTransformer' },
      { path: '1_SpladePooling', type: 'sentence_transformers.sparse_encoder.models.SpladePooling' },
    ]);
    const rule = (pooling_strategy: string) => JSON.stringify({ pooling_strategy, activation_function: 'log1p_relu' });
    const files = { ...config(masked), 'modules.json': modules, '1_SpladePooling/config.json': rule('sum') };
    const { task, embed } = await infer(files);
    assert.deepEqual(
      [task, embed?.sparse, embed?.dimensions],
      ['embed', { pooling: 'sum', activation: 'log1p_relu' }, 50],
    );
    const splade = (await infer(config(masked), 'naver/splade-v3')).embed;
    assert.deepEqual(splade?.sparse, { pooling: 'max', activation: 'relu' });
    assert.equal((await infer(config(masked))).task, 'infer', 'what its scores are for, its caller knows');
    await assert.rejects(
      infer({ ...files, '1_SpladePooling/config.json': rule('median') }),
      withCode('MODEL_UNSUPPORTED', /median/),
    );
  });

  it('takes a head on every token for one that labels tokens, and a reranker for one of logits where it says so', async () => {
    const arch = { ...bert, architectures: ['BertForTokenClassification'], id2label: { 0: 'O', 1: 'B-PER' } };
    assert.deepEqual((await infer(config(arch))).classify, {
      labels: ['O', 'B-PER'],
      activation: 'softmax',
      multiLabel: false,
      level: 'token',
    });
    const ranker = { ...bert, architectures: ['BertForSequenceClassification'], id2label: { 0: 'LABEL_0' } };
    const activation = async (more: object) => (await infer(config({ ...ranker, ...more }))).classify?.activation;
    assert.equal(await activation({}), 'sigmoid');
    const identity = 'torch.nn.modules.linear.Identity';
    assert.equal(await activation({ sbert_ce_default_activation_function: identity }), 'none');
    assert.equal(await activation({ sentence_transformers: { activation_fn: identity } }), 'none');
    // Since its version 5 sentence-transformers saves modules.json with rerankers too.
    const saved = { 'modules.json': '[]', 'config_sentence_transformers.json': '{"model_type":"CrossEncoder"}' };
    assert.equal((await infer({ ...config(ranker), ...saved })).task, 'classify');
  });

  it('refuses a pooling it does not know, and a Dense layer that the graph lacks', async () => {
    await assert.rejects(
      infer({ ...config(bert), '1_Pooling/config.json': '{"pooling_mode":"attention"}' }),
      withCode('MODEL_UNSUPPORTED', /1_Pooling/),
    );
    await assert.rejects(
      infer({ ...config(bert), 'modules.json': '[{"type":"sentence_transformers.models.Dense"}]' }),
      withCode('MODEL_UNSUPPORTED', /Dense/),
    );
  });

  it('knows pooling and prompts of families whose exports leave them out', async () => {
    const bge = (await infer(config(bert), 'Xenova/bge-small-en-v1.5')).embed;
    assert.equal(bge?.pooling, 'cls');
    assert.ok(bge?.prompts.query?.startsWith('Represent this sentence'));
    const e5 = (await infer(config(bert), 'intfloat/e5-small-v2')).embed;
    assert.deepEqual(e5?.prompts, { query: 'query: ', passage: 'passage: ' });
    assert.equal(e5?.pooling, 'mean');
  });

  it('takes the least of all limits, and leaves the padding rows of RoBERTa out', async () => {
    assert.equal(
      (await infer({ ...config({ ...bert, model_type: 'roberta', max_position_embeddings: 514 }) })).maxTokens,
      512,
    );
    assert.equal(
      (await infer({ ...config(bert), 'sentence_bert_config.json': '{"max_seq_length":128}' })).maxTokens,
      128,
    );
    assert.equal(
      (
        await infer({
          ...config(bert),
          'tokenizer_config.json': '{"model_max_length":1000000000000000019884624838656}',
        })
      ).maxTokens,
      512,
    );
  });

  it('reads labels in the order of their ids, and how they are scored', async () => {
    const labels = { 1: 'b', 0: 'a', 2: 'c' };
    const arch = { architectures: ['BertForSequenceClassification'] };
    assert.deepEqual((await infer(config({ ...arch, id2label: labels }))).classify, {
      labels: ['a', 'b', 'c'],
      activation: 'softmax',
      multiLabel: false,
    });
    assert.deepEqual(
      (await infer(config({ ...arch, id2label: labels, problem_type: 'multi_label_classification' }))).classify
        ?.activation,
      'sigmoid',
    );
    assert.deepEqual((await infer(config({ ...arch, id2label: { 0: 'score' } }))).classify?.activation, 'sigmoid');
    await assert.rejects(
      infer(config({ ...arch, id2label: { 0: 'a', 2: 'c' } })),
      withCode('MODEL_UNSUPPORTED', /id2label/),
    );
  });

  it('prefers int8 of several precisions, and takes the one that is named', async () => {
    const folder = join(temporary(), 'model');
    writeFiles(folder, {
      ...embedderFiles,
      'onnx/model.onnx': 'x',
      'onnx/model_fp16.onnx': 'x',
      'onnx/model_q4.onnx': 'x',
    });
    assert.equal((await inferManifest(folder, { name: 'm', version: '1' })).precision, 'int8');
    assert.equal((await inferManifest(folder, { name: 'm', version: '1', precision: 'q4' })).precision, 'q4');
  });

  it('reads the licence from the card, or points at its file', async () => {
    assert.equal(
      (await infer({ ...embedderFiles, 'README.md': '---\nlanguage: en\nlicense: mit\n---\n' })).licence,
      'mit',
    );
    assert.equal((await infer({ ...embedderFiles, LICENSE: 'text' })).licence, 'see LICENSE');
    assert.equal((await infer(embedderFiles)).licence, 'unknown');
  });

  it('takes a bare tokenizer.json for a tokenizer', async () => {
    const manifest = await infer({ 'tokenizer.json': '{}' });
    assert.deepEqual([manifest.task, manifest.precision, manifest.architecture], ['tokenize', 'none', 'none']);
  });
});
