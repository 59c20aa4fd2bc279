/**
 * The stack of docker-compose.yml, on a real engine: what its images hold, how its containers are confined, every capability
 * and a pipeline through the gateway, and a stream of calls while containers are killed, frozen, stopped and Consul is emptied.
 * Started by run.sh, which has built the images. Prints `N passed, N failed` last.
 */
import assert from 'node:assert/strict';
import { createClient } from '../../client/index.js';
import { until } from '../kit/until.js';
import { createStack } from './stack.js';
import { callsDuring } from './stream.js';

const SERVICES = ['tokenize', 'embed-1', 'embed-2', 'classify', 'summarize', 'gateway'] as const;
const HEALTHY_MS = 90_000;
const ARTICLE = `The city council voted on Tuesday to extend the tram line to the northern suburbs. Construction will start in
spring and last about three years. Residents had asked for the connection for more than a decade, and hundreds of them came to the
session. The mayor called the decision a turning point for the region. Opponents fear the cost, which was put at ninety million.
The finance committee will present a plan before the summer. Two stations will be built underground to protect an old park.`;

const stack = await createStack('plexus-test');
const client = createClient(stack.grpc);
let passed = 0;
let failed = 0;

async function fact(name: string, run: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  try {
    const note = await run();
    passed++;
    console.log(`  ok      ${name} (${seconds(startedMs)} s)${typeof note === 'string' ? `: ${note}` : ''}`);
  } catch (error) {
    failed++;
    console.log(
      `  FAILED  ${name} (${seconds(startedMs)} s)\n${(error as Error).message.replace(/^/gm, '          ')}`,
    );
  }
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(1);
}

const healthy = (service: string): Promise<string> =>
  until(
    `${service} is healthy`,
    () => stack.health(service),
    (seen) => seen === 'healthy',
    HEALTHY_MS,
  );

/** Ids that Consul says are passing. */
async function passing(capability: string): Promise<string[]> {
  const answer = await fetch(`http://${stack.consul}/v1/health/service/plexus-${capability}?passing=1`);
  const entries = (await answer.json()) as { Service: { Meta: { id: string } } }[];
  return entries.map(({ Service }) => Service.Meta.id).sort();
}

async function post(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`http://${stack.http}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** Runs a shell line in a new container of an image. */
const inImage = (image: string, line: string): Promise<string> =>
  stack.docker('run', '--rm', '--network', 'none', '--entrypoint', 'sh', image, '-c', line);

/** The stream during an incident: nothing may be lost. */
async function survives(incident: () => Promise<void>): Promise<string> {
  const { calls, lost, p50Ms, maxMs } = await callsDuring(client, incident);
  assert.equal(lost.length, 0, `${lost.length} of ${calls} calls were lost:\n${lost.slice(0, 5).join('\n')}`);
  return `${calls} calls, 0 lost, p50 ${p50Ms} ms, slowest ${maxMs} ms`;
}

async function images(): Promise<void> {
  const { PLEXUS_SERVICE_IMAGE: service = 'plexus-service', PLEXUS_GATEWAY_IMAGE: gateway = 'plexus-gateway' } =
    process.env;
  await fact('the gateway image has no onnxruntime, no models and no code that runs them', async () => {
    const found = await inImage(
      gateway,
      'ls -d node_modules/onnxruntime* models dist/inference dist/models dist/services 2>/dev/null; ls',
    );
    assert.doesNotMatch(found, /onnx|inference|services|models/);
  });
  await fact('the service image has onnxruntime for this system only, and no tools to build with', async () => {
    const found = await inImage(
      service,
      'find node_modules/onnxruntime-node/bin -name "*.node" | wc -l; ls node_modules',
    );
    assert.match(found, /^1\n/);
    assert.doesNotMatch(found, /typescript|mocha|@biomejs/);
  });
}

async function confinement(): Promise<void> {
  for (const service of SERVICES) {
    await fact(`${service} is not root, cannot write its disk, has no capabilities, and has limits`, async () => {
      const line = 'id -u; grep CapEff /proc/self/status; touch /app/x 2>&1; touch /tmp/x && echo tmp ok';
      const seen = await stack.docker('exec', stack.container(service), 'sh', '-c', line);
      assert.match(seen, /^1000\nCapEff:\s+0000000000000000\n.*Read-only file system\ntmp ok$/);
      const limits = '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}';
      const given = (await stack.docker('inspect', '-f', limits, stack.container(service))).split(' ').map(Number);
      assert.ok(
        given.every((limit) => limit > 0),
        `memory, cpus, pids: ${given}`,
      );
    });
  }
}

async function calls(): Promise<void> {
  await fact('Consul knows two embed instances and one of each other capability', async () => {
    for (const capability of ['tokenize', 'classify', 'summarize']) assert.equal((await passing(capability)).length, 1);
    assert.deepEqual(await passing('embed'), ['embed-1', 'embed-2']);
  });
  await fact('tokenize answers through the gateway', async () => {
    const { counts } = await client.tokenize.count({ texts: ['one two three', ''] });
    assert.ok(counts.length === 2 && (counts[0] as number) > (counts[1] as number), JSON.stringify(counts));
  });
  await fact('embed answers through the gateway, and the near is nearer than the far', async () => {
    const texts = [
      'a cat sleeps on the sofa',
      'a kitten is napping on the couch',
      'the central bank raised interest rates',
    ];
    const { embeddings } = await client.embed.embed({ texts });
    const [cat, kitten, bank] = embeddings.map(({ values }) => values);
    const dot = (a: readonly number[] = [], b: readonly number[] = []): number =>
      a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
    assert.ok(dot(cat, kitten) > dot(cat, bank), `${dot(cat, kitten)} against ${dot(cat, bank)}`);
  });
  await fact('classify answers through the gateway', async () => {
    const { classifications } = await client.classify.classify({
      texts: ['I love this wonderful film', 'a terrible, boring mess'],
    });
    const [good, bad] = classifications.map(({ labels }) => labels[0]?.label);
    assert.ok(good && bad && good !== bad, `${good} and ${bad}`);
  });
  await fact('summarize answers through the gateway, shorter than it was asked', async () => {
    const { summaries } = await client.summarize.summarize({ texts: [ARTICLE] });
    const summary = summaries[0]?.text ?? '';
    assert.ok(summary.length > 20 && summary.length < ARTICLE.length, summary);
  });
  await fact('a pipeline runs through the gateway over HTTP', async () => {
    const { status, body } = await post('/v1/pipelines/analyze:run', { input: { text: ARTICLE } });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.degraded ?? false, false, JSON.stringify(body));
    const output = body.output as Record<string, unknown> | undefined;
    assert.ok(Number(output?.tokens) > 50, JSON.stringify(body).slice(0, 500));
  });
  await fact('bad input is refused through the gateway over HTTP with a stable code', async () => {
    const { status, body } = await post('/v1/embed/embed', { texts: [] });
    assert.equal(status, 400);
    assert.match(JSON.stringify(body), /FIELD_REQUIRED/);
  });
}

/** Kills the node process inside, as the kernel would: the container ends with 137 and its restart policy acts. */
async function killInside(service: string): Promise<void> {
  const script = `for (const pid of require('fs').readdirSync('/proc').filter(Number)) {
    const line = require('fs').readFileSync('/proc/' + pid + '/cmdline', 'utf8');
    if (line.includes('bin/plexus.js') && !line.includes('init')) process.kill(Number(pid), 'SIGKILL');
  }`;
  await stack.docker('exec', stack.container(service), 'node', '-e', script).catch(() => {}); // dies with its container
}

async function incidents(): Promise<void> {
  await fact('no call is lost when one embed process is killed with -9; it is restarted and comes back', async () => {
    const container = stack.container('embed-2');
    const restarts = (): Promise<string> => stack.docker('inspect', '-f', '{{.RestartCount}}', container);
    const note = await survives(() => killInside('embed-2'));
    await until('it was restarted', restarts, (count) => Number(count) > 0);
    await healthy('embed-2');
    await until(
      'Consul has it',
      () => passing('embed'),
      (ids) => ids.length === 2,
      HEALTHY_MS,
    );
    return note;
  });
  await fact('no call is lost when one embed container is frozen; Consul notices, and it comes back', async () => {
    const note = await survives(async () => {
      await stack.docker('pause', stack.container('embed-1'));
      await until(
        'Consul has noticed',
        () => passing('embed'),
        (ids) => ids.join() === 'embed-2',
      );
    });
    await stack.docker('unpause', stack.container('embed-1'));
    await until(
      'Consul has it',
      () => passing('embed'),
      (ids) => ids.length === 2,
      HEALTHY_MS,
    );
    return note;
  });
  await fact('no call is lost when one embed container is stopped; it leaves Consul and ends with 0', async () => {
    const container = stack.container('embed-1');
    const note = await survives(async () => {
      await stack.docker('stop', '-t', '15', container);
      assert.deepEqual(await passing('embed'), ['embed-2']);
    });
    assert.equal(await stack.docker('inspect', '-f', '{{.State.ExitCode}}', container), '0');
    await stack.docker('start', container);
    await until(
      'Consul has it',
      () => passing('embed'),
      (ids) => ids.length === 2,
      HEALTHY_MS,
    );
    return note;
  });
  await fact('no call is lost when Consul is killed and starts again empty; it is filled again', async () => {
    return survives(async () => {
      await stack.docker('kill', stack.container('consul'));
      await stack.docker('start', stack.container('consul'));
      await until(
        'Consul is filled again',
        () => passing('embed').catch(() => []),
        (ids) => ids.length === 2,
        HEALTHY_MS,
      );
    });
  });
}

console.log('compose');
try {
  await images();
  let up = false;
  await fact('the whole stack comes up healthy', async () => {
    await stack.down(); // what an interrupted run left behind
    await stack.up();
    up = true;
  });
  if (up) {
    await confinement();
    await calls();
    await incidents();
  }
  if (failed > 0) console.log(await stack.logs());
} finally {
  client.close();
  await fact('goes down and leaves no container and no network behind', async () => {
    await stack.down();
    const left = await stack.docker('ps', '-aq', '--filter', 'label=com.docker.compose.project=plexus-test');
    const networks = await stack.docker(
      'network',
      'ls',
      '-q',
      '--filter',
      'label=com.docker.compose.project=plexus-test',
    );
    assert.equal(left + networks, '');
  });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
