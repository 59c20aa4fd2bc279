import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import { decodeLoadReport, encodeLoadReport } from '../../chassis/load-report.js';

const report = { cpuUtilization: 0.25, rps: 12.5, eps: 0.5, named: { queue_ms: 40, queue_tokens: 1_024 } };

describe('load report', () => {
  it('is an xds.data.orca.v3.OrcaLoadReport to others', () => {
    const grpc = join(dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js/package.json')), 'proto');
    const loaded = loadSync('xds/data/orca/v3/orca_load_report.proto', {
      includeDirs: [join(grpc, 'xds'), join(grpc, 'protoc-gen-validate')],
      keepCase: true,
    });
    const theirs = loaded['xds.data.orca.v3.OrcaLoadReport'] as MessageTypeDefinition<object, object>;
    const read = theirs.deserialize(Buffer.from(encodeLoadReport(report), 'base64')) as Record<string, unknown>;
    assert.deepEqual(
      [read.cpu_utilization, read.rps_fractional, read.eps, read.named_metrics],
      [0.25, 12.5, 0.5, { queue_ms: 40, queue_tokens: 1_024 }],
    );
    const written = theirs.serialize({
      cpu_utilization: 0.5,
      mem_utilization: 0.1,
      rps: 7,
      utilization: { gpu: 0.3 },
      named_metrics: { queue_ms: 3 },
    });
    assert.deepEqual(decodeLoadReport(written.toString('base64')), {
      cpuUtilization: 0.5,
      rps: 0,
      eps: 0,
      named: { queue_ms: 3 },
    });
  });

  it('comes back as it was', () => {
    assert.deepEqual(decodeLoadReport(encodeLoadReport(report)), report);
    assert.deepEqual(decodeLoadReport(''), { cpuUtilization: 0, rps: 0, eps: 0, named: {} });
  });

  it('ends on any bytes with a report or with none, and believes no number that cannot be', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        decodeLoadReport(Buffer.from(bytes).toString('base64'));
      }),
    );
    assert.equal(decodeLoadReport(encodeLoadReport(report).slice(0, 20)), undefined);
    const wrong = encodeLoadReport({ ...report, named: { queue_ms: Number.NaN, other: -1 } });
    assert.deepEqual(decodeLoadReport(wrong)?.named, { queue_ms: 0, other: 0 });
  });
});
