/** Pipelines are installed as one set; a bad file never replaces a good one. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../chassis/clock.js';
import { silentLogger } from '../../../chassis/log.js';
import { createLibrary, openFolder, readFolder } from '../../../gateway/pipeline/index.js';
import { compareVersions } from '../../../gateway/pipeline/library.js';
import { defer } from '../../kit/defer.js';
import { until } from '../../kit/until.js';
import { createFakeUpstream } from './fake-upstream.js';
import { run } from './kit.js';

const simple = (name: string, version: string, value: string): string =>
  `name: ${name}\nversion: "${version}"\nsteps: {a: {value: ${value}}}\noutput: {x: "\${steps.a}"}\n`;
const caller = (field: string): string =>
  `name: outer\nversion: "1"\nsteps: {a: {pipeline: inner}}\noutput: {y: "\${steps.a.${field}}"}\n`;
const files = (entries: Record<string, string>): Map<string, string> => new Map(Object.entries(entries));

describe('the library of pipelines', () => {
  it('gives the highest version to a bare name', () => {
    const library = createLibrary();
    assert.deepEqual(
      library.install(
        files({
          'a.yaml': simple('p', '1.9', '1'),
          'b.yaml': simple('p', '1.10', '2'),
          'c.yaml': simple('q', '1', '3'),
        }),
      ),
      [],
    );
    assert.equal(library.get('p').version, '1.10');
    assert.equal(library.get('p@1.9').version, '1.9');
    assert.deepEqual(
      library.list().map(({ name, version }) => `${name}@${version}`),
      ['p@1.10', 'p@1.9', 'q@1'],
    );
    assert.throws(() => library.get('p@2'), { code: 'PIPELINE_UNKNOWN', message: /it has 1\.10, 1\.9/ });
    assert.throws(() => library.get('pp'), { code: 'PIPELINE_UNKNOWN', message: /did you mean "p"/ });
  });

  it('orders versions by their numbers', () => {
    assert.deepEqual(['2', '1.10', '1.9', '1', '1.9-rc'].sort(compareVersions), ['1', '1.9', '1.9-rc', '1.10', '2']);
  });

  it('keeps the last good text of a file that has become wrong', () => {
    const library = createLibrary();
    library.install(files({ 'a.yaml': simple('p', '1', '1'), 'b.yaml': simple('q', '1', '1') }));
    const problems = library.install(files({ 'a.yaml': 'name: p', 'b.yaml': simple('q', '2', '1') }));
    assert.ok(problems.length > 0 && problems.every(({ file }) => file === 'a.yaml'));
    assert.equal(library.get('p').version, '1', 'the good one stays');
    assert.equal(library.get('q').version, '2', 'the others are replaced');
  });

  it('changes nothing where a file that is right would break one that calls it', () => {
    const library = createLibrary();
    assert.deepEqual(
      library.install(files({ 'inner.yaml': simple('inner', '1', '1'), 'outer.yaml': caller('x') })),
      [],
    );
    const renamed = simple('inner', '2', '1').replace('output: {x:', 'output: {z:');
    const problems = library.install(files({ 'inner.yaml': renamed, 'outer.yaml': caller('x') }));
    assert.match(problems[0]?.message ?? '', /pipelines\.inner_2 has no field "x"/);
    assert.equal(library.get('inner').version, '1');
    assert.equal(library.get('outer').version, '1');
    assert.deepEqual(library.install(files({ 'inner.yaml': renamed, 'outer.yaml': caller('z') })), []);
    assert.equal(library.get('inner').version, '2');
  });

  it('installs what is right beside a file that has become wrong and that others call', () => {
    const library = createLibrary();
    const outer = caller('x');
    const before = { 'inner.yaml': simple('inner', '1', '1'), 'outer.yaml': outer, 'q.yaml': simple('q', '1', '1') };
    assert.deepEqual(library.install(files(before)), []);
    const problems = library.install(
      files({
        'inner.yaml': 'name: inner',
        'outer.yaml': outer.replace('version: "1"', 'version: "2"'),
        'q.yaml': simple('q', '2', '1'),
      }),
    );
    assert.deepEqual([...new Set(problems.map(({ file }) => file))], ['inner.yaml'], 'the others have no mistake');
    assert.deepEqual(
      library.list().map(({ name, version }) => `${name}@${version}`),
      ['inner@1', 'outer@2', 'q@2'],
    );
  });

  it('keeps the times it has seen of a pipeline whose text has not changed', () => {
    const library = createLibrary();
    const [p, q] = [simple('p', '1', '1'), simple('q', '1', '1')];
    library.install(files({ 'p.yaml': p, 'q.yaml': q }));
    for (const plan of library.list()) plan.budget.observe('a', 100);
    library.install(files({ 'p.yaml': p, 'q.yaml': q.replace('value: 1', 'value: 2') }));
    assert.deepEqual(
      library.list().map(({ budget }) => budget.expected('a')),
      [100, 0],
    );
  });

  it('does not lose a removed file that another one calls', () => {
    const library = createLibrary();
    library.install(files({ 'inner.yaml': simple('inner', '1', '1'), 'outer.yaml': caller('x') }));
    assert.ok(library.install(files({ 'outer.yaml': caller('x') })).length > 0);
    assert.equal(library.get('inner').version, '1');
    assert.deepEqual(library.install(files({})), []);
    assert.deepEqual(library.list(), []);
  });

  it('refuses pipelines that call each other in a circle, and two of one name and version', () => {
    const library = createLibrary();
    const calls = (name: string, other: string): string =>
      `name: ${name}\nversion: "1"\nsteps: {a: {pipeline: ${other}}}\noutput: {x: 1, y: "\${has(steps.a)}"}\n`;
    const circle = library.install(files({ 'a.yaml': calls('a', 'b'), 'b.yaml': calls('b', 'a') }));
    assert.ok(circle.some(({ message }) => /call each other in a circle/.test(message)));
    const twins = library.install(files({ 'a.yaml': simple('p', '1', '1'), 'b.yaml': simple('p', '1', '2') }));
    assert.match(twins[0]?.message ?? '', /p@1 is defined in a\.yaml already/);
    assert.deepEqual(
      library.list().map(({ file }) => file),
      ['a.yaml'],
    );
  });

  it('refuses pipelines nested without end', () => {
    const library = createLibrary();
    const nested = Array.from({ length: 11 }, (_, index): [string, string] => [
      `p${index}.yaml`,
      index === 0
        ? simple('p0', '1', '1')
        : `name: p${index}\nversion: "1"\nsteps: {a: {pipeline: p${index - 1}}}\noutput: {x: "\${steps.a.x}"}\n`,
    ]);
    const problems = library.install(new Map(nested));
    assert.ok(problems.some(({ message }) => /nested deeper than 8/.test(message)));
    assert.equal(library.get('p8').depth, 8);
  });

  it('lets a run in flight finish on the version it began with', async () => {
    const library = createLibrary();
    const counting = (version: string, text: string): string =>
      `name: p\nversion: "${version}"\nsteps:\n  a:\n    call: tokenize.Count\n    with: {texts: ["first"]}\n  b:\n    call: tokenize.Count\n    after: [a]\n    with: {texts: ["${text}"]}\noutput: {x: "\${steps.b.counts[0]}"}\n`;
    library.install(files({ 'p.yaml': counting('1', 'old') }));
    const gate = defer();
    const upstream = createFakeUpstream({
      'tokenize.Count': async ({ texts }) => {
        if ((texts as string[])[0] === 'first') await gate.promise;
        return { counts: [String((texts as string[])[0]).length] };
      },
    });
    const running = run(library.get('p'), upstream);
    library.install(files({ 'p.yaml': counting('2', 'much newer') }));
    gate.resolve();
    assert.deepEqual((await running).output, { x: 3 });
    assert.deepEqual((await run(library.get('p'), upstream)).output, { x: 10 });
  });

  it('sees changes of its folder', async () => {
    const path = mkdtempSync(join(tmpdir(), 'pipelines-'));
    const write = (text: string): void => {
      writeFileSync(join(path, '.p.tmp'), text);
      renameSync(join(path, '.p.tmp'), join(path, 'p.yaml'));
    };
    write(simple('p', '1', '1'));
    const library = createLibrary();
    const folder = openFolder({ path, library, log: silentLogger, clock: systemClock, watch: true });
    try {
      assert.equal(library.get('p').version, '1');
      write(simple('p', '2', '1'));
      await until(
        'the new version',
        () => library.get('p').version,
        (version) => version === '2',
      );
      write('name: [');
      assert.ok(folder.reload() > 0);
      assert.equal(library.get('p').version, '2');
    } finally {
      folder.close();
      rmSync(path, { recursive: true, force: true });
    }
  });

  it('takes no part of a folder with too many files for the whole', () => {
    const path = mkdtempSync(join(tmpdir(), 'pipelines-'));
    for (let index = 0; index <= 1_000; index++) writeFileSync(join(path, `p${index}.yaml`), '');
    assert.throws(() => readFolder(path), /1001 pipeline files in one folder; at most 1000/);
    rmSync(path, { recursive: true, force: true });
  });

  it('starts without a folder', () => {
    const library = createLibrary();
    openFolder({ path: '/does/not/exist', library, log: silentLogger, clock: systemClock, watch: true }).close();
    assert.deepEqual(library.list(), []);
  });
});
