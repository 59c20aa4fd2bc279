/** Model folders for tests: written into a temporary folder that is removed after the test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeFiles, digestOf, listFiles, type Manifest } from '../../models/index.js';

/** A new empty folder, removed after the running suite. Call inside `describe`. */
export function temporaryFolders(): () => string {
  const made: string[] = [];
  after(() => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'plexus-'));
    made.push(folder);
    return folder;
  };
}

export type Files = Readonly<Record<string, string | Buffer>>;

export function writeFiles(folder: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** The smallest plain folder of an embedder. The weights are not real: these tests never run them. */
export const embedderFiles: Files = {
  'config.json': JSON.stringify({
    architectures: ['BertModel'],
    model_type: 'bert',
    hidden_size: 8,
    max_position_embeddings: 64,
  }),
  'tokenizer.json': '{"version":"1.0"}',
  'tokenizer_config.json': '{"model_max_length":32}',
  'onnx/model_quantized.onnx': 'weights of eight bits',
};

/** Writes files and a manifest that fits them; `change` may break it. */
export async function writeModel(
  folder: string,
  files: Files,
  change: Partial<Manifest> | ((manifest: Manifest) => unknown) = {},
): Promise<Manifest> {
  writeFiles(folder, files);
  const described = await describeFiles(folder, await listFiles(folder));
  const manifest: Manifest = {
    manifest: 1,
    name: 'minilm',
    version: '1',
    task: 'embed',
    architecture: 'bert',
    precision: 'int8',
    files: described,
    digest: digestOf(described),
    maxTokens: 32,
    embed: { pooling: 'mean', normalize: true, dimensions: 8, prompts: {} },
    licence: 'Apache-2.0',
    source: 'a test',
    ...(typeof change === 'object' ? change : {}),
  };
  const written = typeof change === 'function' ? change(manifest) : manifest;
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(written, null, 2));
  return manifest;
}

/** Asserts a MeshError's code, for assert.rejects and assert.throws. */
export const withCode =
  (code: string, message?: RegExp) =>
  (error: unknown): boolean => {
    const found = error as { code?: string; message?: string; stack?: string };
    if (found.code !== code) throw new Error(`expected ${code}, got ${found.code}: ${found.stack}`);
    if (message && !message.test(found.message ?? ''))
      throw new Error(`expected a message like ${message}, got: ${found.message}`);
    return true;
  };
