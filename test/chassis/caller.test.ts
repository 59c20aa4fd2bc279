import assert from 'node:assert/strict';
import { criticalityOf, tenantOf } from '../../chassis/caller.js';

describe('who calls', () => {
  it('matters as its metadata says, by default as everybody', () => {
    assert.deepEqual([undefined, '', 'critical', 'sheddable', 'default', 'CRITICAL', 'urgent'].map(criticalityOf), [
      'default',
      'default',
      'critical',
      'sheddable',
      'default',
      'default',
      'default',
    ]);
  });

  it('is the tenant it names, where that is a short printable name', () => {
    assert.deepEqual([undefined, '', 'search', 'a b', 'ü', 'x'.repeat(64), 'x'.repeat(65)].map(tenantOf), [
      'default',
      'default',
      'search',
      'default',
      'default',
      'x'.repeat(64),
      'default',
    ]);
  });
});
