/** The figures in the manifests, computed again on the samples that tests can have (../shared/datasets or PLEXUS_SHARED). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { EncoderModel } from '../../inference/index.js';
import { sharedOrSkip } from '../kit/shared.js';
import { openStarter } from '../kit/starter.js';

describe('figures of the manifests', function () {
  this.timeout(120_000);

  it('sentiment-en: accuracy on SST-2 dev is as its manifest says, within half a point', async function () {
    const rows = lines<{ text: string; label: string }>(sharedOrSkip(this, 'datasets/sst2/dev.jsonl'));
    const model = await openStarter('sentiment-en');
    try {
      const claimed = model.manifest.quality?.find(({ set }) => set === 'SST-2 dev')?.value;
      const right = (
        await predict(
          model,
          rows.map(({ text }) => text),
        )
      ).filter((label, index) => label === rows[index]?.label).length;
      const accuracy = right / rows.length;
      console.log(`      SST-2 dev: ${right} of ${rows.length} = ${accuracy.toFixed(4)}, claimed ${claimed}`);
      assert(claimed !== undefined && Math.abs(accuracy - claimed) <= 0.005);
    } finally {
      await model.close();
    }
  });

  it('langid: at least 96 of 100 of the sample texts in languages it knows', async function () {
    const all = lines<{ text: string; tag: string }>(sharedOrSkip(this, 'datasets/langid/cld3-samples.jsonl'));
    const model = await openStarter('langid');
    try {
      const labels = new Set(model.manifest.classify?.labels);
      const rows = all
        .map(({ text, tag }) => ({ text, label: canonical(tag) }))
        .filter(({ label }) => labels.has(label));
      assert(rows.length >= 70);
      const predicted = await predict(
        model,
        rows.map(({ text }) => text),
      );
      const wrong = rows.flatMap(({ label }, index) =>
        predicted[index] === label ? [] : [`${label} taken for ${predicted[index]}`],
      );
      console.log(
        `      langid sample: ${rows.length - wrong.length} of ${rows.length}${wrong.length > 0 ? `; ${wrong.join(', ')}` : ''}`,
      );
      assert((rows.length - wrong.length) / rows.length >= 0.96);
    } finally {
      await model.close();
    }
  });
});

/** Tags of the sample that are older names of the labels, or say the script too. */
function canonical(tag: string): string {
  const base = tag.split('-')[0] as string;
  return { iw: 'he', nb: 'no', fil: 'tl' }[base] ?? base;
}

async function predict(model: EncoderModel, texts: readonly string[]): Promise<string[]> {
  const labels = model.manifest.classify?.labels ?? [];
  const inputs = texts.map((text) => ({
    ids: model.tokenizer.encodeIds(text, { addSpecialTokens: true, maxTokens: model.manifest.maxTokens }),
  }));
  const signal = new AbortController().signal;
  const outputs = await model.runAll(inputs, { kind: 'logits' }, { signal, deadlineMs: Number.POSITIVE_INFINITY });
  return outputs.map(({ output }) => labels[output.indexOf(Math.max(...output))] ?? '');
}

function lines<Row>(path: string): Row[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}
