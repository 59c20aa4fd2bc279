/**
 * Writes the pages that are made from tables and declarations: errors, settings, the OpenAPI document, the schemas of pipeline
 * files and model manifests. `npm run docs` runs it; a test compares what is committed with what it would write.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../protos/index.js';
import { errorsPage } from './errors-page.js';
import { manifestSchemaPage, openApiPage, pipelineSchemaPage } from './json-page.js';
import { modelsPage } from './models-page.js';
import { settingsPage } from './settings-page.js';

export const PAGES: Readonly<Record<string, () => string>> = {
  'docs/errors.md': errorsPage,
  'docs/models.md': modelsPage,
  'docs/settings.md': settingsPage,
  'docs/openapi.json': openApiPage,
  'docs/schema/pipeline.schema.json': pipelineSchemaPage,
  'docs/schema/manifest.schema.json': manifestSchemaPage,
};

if (process.argv[1]?.endsWith('generate.js')) {
  for (const [path, page] of Object.entries(PAGES)) {
    mkdirSync(dirname(join(packageRoot, path)), { recursive: true });
    writeFileSync(join(packageRoot, path), page());
  }
}
