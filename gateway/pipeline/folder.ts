/** The folder of pipeline files, and its watch: every change installs the whole folder anew, a moment after the last one. */
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../chassis/clock.js';
import type { Logger } from '../../chassis/log.js';
import type { Library } from './library.js';
import { printProblem } from './source.js';

/** Files of one folder. */
const FILES_MAX = 1_000;
/** Editors write a file in several steps; what they leave is read once. */
const SETTLE_MS = 100;

export interface PipelineFolder {
  /** Reads the folder and installs it; logs what is wrong. Returns the number of problems. */
  reload(): number;
  close(): void;
}

/** `path` may be absent: then there are no pipelines. Problems are logged with file, line and column, never thrown. */
export function openFolder(options: {
  path: string;
  library: Library;
  log: Logger;
  clock: Clock;
  watch: boolean;
}): PipelineFolder {
  const { path, library, log, clock } = options;
  let cancel = (): void => {};
  const reload = (): number => {
    let files: Map<string, string>;
    try {
      files = readFolder(path);
    } catch (error) {
      log.error({ err: error, path }, 'the folder of pipelines cannot be read; what was installed stays');
      return 1;
    }
    const problems = library.install(files);
    for (const problem of problems)
      log.error({ pipeline: problem.file }, `pipeline not installed: ${printProblem(problem)}`);
    log.info({ pipelines: library.list().map(({ name, version }) => `${name}@${version}`) }, 'pipelines installed');
    return problems.length;
  };
  reload();
  let watcher: FSWatcher | undefined;
  if (options.watch) {
    try {
      watcher = watch(path, () => {
        cancel();
        cancel = clock.after(SETTLE_MS, reload);
      });
      watcher.on('error', (error) =>
        log.warn({ err: error }, 'changes of the pipelines are no longer seen; restart to load them'),
      );
    } catch (error) {
      log.warn({ err: error }, 'the folder of pipelines cannot be watched; restart to load changes');
    }
  }
  return {
    reload,
    close() {
      cancel();
      watcher?.close();
    },
  };
}

/** File name -> text of every .yaml and .yml in a folder. Throws where one cannot be read, or where there are too many. */
export function readFolder(path: string): Map<string, string> {
  const names = readdirSync(path)
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .sort();
  if (names.length > FILES_MAX) throw new Error(`${names.length} pipeline files in one folder; at most ${FILES_MAX}`);
  return new Map(names.map((name) => [name, readFileSync(join(path, name), 'utf8')]));
}
