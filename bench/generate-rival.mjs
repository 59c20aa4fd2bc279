// transformers.js as a rival of bench/generate.ts: greedy, tokens per second of all rows together.
// `node generate-rival.mjs PACKAGE_FOLDER MODEL_FOLDER HOW ROWS PROMPT TOKENS THREADS`; HOW is "batch", all prompts at hand in one call,
// or "calls", one call a prompt, all at once, as a server makes them. The package is installed outside this tree, and the model
// folder needs onnx/decoder_model_merged_quantized.onnx, the only form it reads.
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packageFolder, folder, how, ...numbers] = process.argv.slice(2);
const [rows, prompt, tokens, threads] = numbers.map(Number);
const entry = join(packageFolder, 'node_modules/@huggingface/transformers/dist/transformers.node.mjs');
const { AutoModelForSeq2SeqLM, env, Tensor } = await import(pathToFileURL(entry).href);
env.localModelPath = dirname(folder);
env.allowRemoteModels = false;
const model = await AutoModelForSeq2SeqLM.from_pretrained(basename(folder), {
  dtype: 'q8',
  session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
});
const generate = (count) =>
  model.generate({
    input_ids: new Tensor(
      'int64',
      BigInt64Array.from({ length: count * prompt }, (_, index) => BigInt(100 + ((index * 37) % 20_000))),
      [count, prompt],
    ),
    attention_mask: new Tensor('int64', new BigInt64Array(count * prompt).fill(1n), [count, prompt]),
    max_new_tokens: tokens,
    min_new_tokens: tokens,
  });
const run = () => (how === 'batch' ? generate(rows) : Promise.all(Array.from({ length: rows }, () => generate(1))));
await generate(1); // warm-up
const cpu = process.cpuUsage();
const startedMs = performance.now();
await run();
const { user, system } = process.cpuUsage(cpu);
const all = rows * tokens;
console.log(
  JSON.stringify({ tokensPerSecond: (all * 1_000) / (performance.now() - startedMs), tokensPerCpuSecond: (all * 1e6) / (user + system) }),
);
