/** The OpenAPI document is whole: every method is there, every reference leads somewhere. */
import assert from 'node:assert/strict';
import { descriptors } from '../../../chassis/descriptors.js';
import { createOpenApi } from '../../../gateway/index.js';

interface Tree {
  [key: string]: Tree;
}

describe('the OpenAPI document', () => {
  const document = createOpenApi('1.2.3') as unknown as Tree;
  const all: Record<string, unknown>[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    all.push(value as Record<string, unknown>);
    for (const each of Object.values(value)) visit(each);
  };
  visit(document);

  it('is OpenAPI 3.1 of this version', () => {
    assert.equal(String(document.openapi), '3.1.0');
    assert.equal(String(document.info?.version), '1.2.3');
  });

  it('has no reference that leads nowhere', () => {
    const references = all.flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    assert.ok(references.length > 50);
    for (const reference of references) {
      const found = reference
        .slice(2)
        .split('/')
        .reduce<Tree | undefined>((at, part) => at?.[part], document);
      assert.ok(found, reference);
    }
  });

  it('has every method without a stream of requests, with its comment, once', () => {
    const operations = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path));
    const ids = operations.map((operation) => String(operation.operationId));
    assert.equal(new Set(ids).size, ids.length);
    for (const name of ['Tokenize', 'Embed', 'Classify', 'Summarize', 'Models', 'Pipelines']) {
      for (const method of descriptors().getService(`plexus.v1.${name}`)?.methods ?? []) {
        if (method.methodKind === 'bidi_streaming') continue;
        assert.ok(ids.includes(`${name.toLowerCase()}.${method.name}`), `${name}.${method.name}`);
      }
    }
    assert.equal(
      String(operations.find((operation) => String(operation.operationId) === 'classify.ZeroShot')?.description),
      'Labels that the request brings along: compared with the text by an embedder, or judged by a model of language inference.',
    );
  });

  it('describes fields with the comments of the protos', () => {
    const schemas = document.components?.schemas ?? ({} as Tree);
    assert.equal(String(schemas.EmbedRequest?.properties?.texts?.description), '1 to 1024 texts.');
    assert.equal(String(schemas.VectorFormat?.type), 'string');
    assert.match(String(schemas.VectorFormat?.description), /VECTOR_FORMAT_INT8: int8: one signed byte/);
    assert.match(
      String(schemas.SummaryLength?.properties?.words?.description),
      /At most one of sentences, words, tokens, share/,
    );
  });
});
