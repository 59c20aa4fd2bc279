import assert from 'node:assert/strict';
import fc from 'fast-check';
import { plainText } from '../../chassis/tls.js';
import { toDefinition, toInstance } from '../../registry/consul/entry.js';
import { instance } from './instances.js';

const settings = {
  consulPrefix: 'plexus-',
  consulCheckMs: 1_000,
  consulCheckTls: 'auto',
  consulCheckTlsServerName: '',
} as const;
const withCertificate = { certFile: 'cert.pem', keyFile: 'key.pem', caFile: '' };

function there(given: ReturnType<typeof instance>) {
  const { ID, Address, Port, Meta, Weights, Name } = toDefinition(given, {
    settings,
    tls: plainText,
    agentVersion: '1.8.7',
  });
  return { Name, Meta, entry: { Node: { Address: '10.0.0.1' }, Service: { ID, Address, Port, Meta, Weights } } };
}

describe('Consul entry', () => {
  it('carries every fact there and back', () => {
    for (const address of ['10.1.2.3:50052', 'embed-1.mesh:50052', '[fd00::7]:50052']) {
      const given = instance('embed-1', { address, zone: 'rack-7', weight: 33, models: ['a@1', 'b@2'] });
      const { Name, entry } = there(given);
      assert.equal(Name, 'plexus-embed');
      assert.deepEqual(toInstance(entry, 'embed'), given);
    }
  });

  it('keeps every meta value within 512 characters and loses no model', () => {
    const model = fc.stringMatching(/^[a-z0-9-]{1,60}@[0-9]{1,3}$/);
    fc.assert(
      fc.property(fc.uniqueArray(model, { maxLength: 120 }), (models) => {
        const { Meta, entry } = there(instance('embed-1', { models }));
        for (const value of Object.values(Meta)) assert.ok(value.length <= 512);
        assert.ok(Object.keys(Meta).length <= 64);
        assert.deepEqual(toInstance(entry, 'embed')?.models, models);
      }),
    );
  });

  it('takes what somebody else registered under our name for what can be known of it', () => {
    const foreign = { Node: { Address: '10.0.0.1' }, Service: { ID: 'x', Address: '', Port: 9, Meta: null } };
    assert.deepEqual(toInstance(foreign, 'embed'), {
      id: 'x',
      capability: 'embed',
      address: '10.0.0.1:9',
      version: '',
      zone: '',
      models: [],
      weight: 1,
    });
  });

  it('passes over entries that cannot be called', () => {
    for (const entry of [{}, { Service: { ID: 'x', Port: 0 } }, { Service: { ID: 'x', Port: 9 } }]) {
      assert.equal(toInstance(entry, 'embed'), undefined);
    }
  });

  for (const [name, change, tls, agentVersion, expected] of [
    ['plain text where the process has no certificate', {}, plainText, '1.20.1', {}],
    ['TLS where it has one', {}, withCertificate, '1.20.1', { GRPCUseTLS: true }],
    ['no TLS where it is told so', { consulCheckTls: 'off' }, withCertificate, '1.20.1', {}],
    [
      'TLS without verifying',
      { consulCheckTls: 'skip-verify' },
      plainText,
      '1.8.7',
      { GRPCUseTLS: true, TLSSkipVerify: true },
    ],
    [
      'a server name for 1.11',
      { consulCheckTls: 'verify', consulCheckTlsServerName: 'mesh' },
      plainText,
      '1.11.0',
      { GRPCUseTLS: true, TLSServerName: 'mesh' },
    ],
    [
      'no server name for 1.8, which refuses the field',
      { consulCheckTls: 'verify', consulCheckTlsServerName: 'mesh' },
      plainText,
      '1.8.7',
      { GRPCUseTLS: true },
    ],
    [
      'no server name where the version is not known',
      { consulCheckTls: 'verify', consulCheckTlsServerName: 'mesh' },
      plainText,
      undefined,
      { GRPCUseTLS: true },
    ],
  ] as const) {
    it(`asks Consul to check with ${name}`, () => {
      const { Check } = toDefinition(instance('embed-1'), { settings: { ...settings, ...change }, tls, agentVersion });
      const { CheckID, Name, GRPC, Interval, Timeout, DeregisterCriticalServiceAfter, ...rest } = Check;
      assert.deepEqual(rest, expected);
      assert.deepEqual(
        [CheckID, GRPC, Interval, DeregisterCriticalServiceAfter],
        ['service:plexus-embed-1', '127.0.0.1:1', '1000ms', '1m'],
      );
      assert.ok(Name && Timeout);
    });
  }
});
