import assert from 'node:assert/strict';
import fc from 'fast-check';
import { plainText } from '../../chassis/tls.js';
import { createRoster } from '../../registry/roster.js';
import { createVirtualClock } from '../kit/clock.js';
import { ids, instance } from './instances.js';
import { createFakeProbes } from './probes.js';

const one = instance('embed-1', { address: 'one:1' });
const two = instance('embed-2', { address: 'two:1' });
const other = instance('classify-1', { address: 'other:1' });
const GRACE_MS = 60_000;

function create() {
  const clock = createVirtualClock();
  const probes = createFakeProbes();
  const roster = createRoster({
    clock,
    tls: plainText,
    graceMs: GRACE_MS,
    createProbe: probes.create,
    random: () => 0.5,
  });
  const seen: string[] = [];
  roster.watch.onChange((instances) => seen.push(ids(instances)));
  return { clock, probes, roster, watch: roster.watch, seen };
}

describe('roster', () => {
  it('is ready at the first list, also an empty one', async () => {
    const { roster, watch } = create();
    const ready = watch.ready();
    roster.believe([], true);
    await ready;
    assert.deepEqual(watch.instances, []);
  });

  it('rejects ready with the reason of the signal while the registry has not answered', async () => {
    const { watch } = create();
    const controller = new AbortController();
    const ready = watch.ready(controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(ready, /enough/);
    await assert.rejects(watch.ready(controller.signal), /enough/);
  });

  it('believes at once that one of several has left', () => {
    const { roster, seen, probes } = create();
    roster.believe([one, two], true);
    roster.believe([two], false);
    assert.deepEqual(seen, ['', 'embed-1 embed-2', 'embed-2']);
    assert.equal(probes.open.size, 0);
  });

  it('tells nobody of a list that says nothing new, in whatever order', () => {
    const { roster, seen } = create();
    roster.believe([one, two], true);
    roster.believe([two, { ...one, models: [...one.models] }], false);
    roster.believe([two, one], true);
    assert.deepEqual(seen, ['', 'embed-1 embed-2']);
  });

  it('tells of every fact that changes', () => {
    for (const change of [{ address: 'x:1' }, { version: '9' }, { zone: 'z' }, { weight: 1 }, { models: [] }]) {
      const { roster, seen, watch } = create();
      roster.believe([one], true);
      roster.believe([{ ...one, ...change }], false);
      assert.equal(seen.length, 3, JSON.stringify(change));
      assert.deepEqual(watch.instances, [{ ...one, ...change }]);
    }
  });

  it('keeps everybody at a sudden empty list, and lets each go as its own health fails', () => {
    const { roster, probes, seen } = create();
    roster.believe([one, two], true);
    roster.believe([], false);
    assert.deepEqual(seen, ['', 'embed-1 embed-2']);
    probes.answer('one:1', 'serving');
    probes.answer('two:1', 'away');
    assert.deepEqual(seen.at(-1), 'embed-1');
    probes.answer('one:1', 'away');
    assert.deepEqual(seen.at(-1), '');
    assert.equal(probes.open.size, 0);
  });

  it("asks a doubted address for the service it is known for, since the address may be another's by now", () => {
    const { roster, probes } = create();
    roster.believe([one, other], true);
    roster.believe([], false);
    assert.deepEqual(Object.fromEntries(probes.open), { 'one:1': 'plexus.v1.Embed', 'other:1': 'plexus.v1.Classify' });
  });

  it('keeps who is missing from the first list after the registry was away', () => {
    const { roster, probes, watch } = create();
    roster.believe([one, two], true);
    roster.believe([one], true);
    assert.equal(ids(watch.instances), 'embed-1 embed-2');
    assert.deepEqual([...probes.open.keys()], ['two:1']);
    roster.believe([one], false);
    assert.equal(ids(watch.instances), 'embed-1 embed-2', 'the doubt lasts beyond the next list');
    roster.believe([one, two], false);
    assert.equal(probes.open.size, 0, 'named again: no doubt is left');
    roster.believe([one], false);
    assert.equal(ids(watch.instances), 'embed-1');
  });

  it('ends the doubt after the grace period, serving or not', async () => {
    const { roster, probes, watch, clock } = create();
    roster.believe([one], true);
    roster.believe([], false);
    probes.answer('one:1', 'serving');
    await clock.advance(GRACE_MS - 1);
    assert.equal(ids(watch.instances), 'embed-1');
    await clock.advance(1);
    assert.equal(ids(watch.instances), '');
    assert.equal(probes.open.size, 0);
  });

  it('sees emptiness capability by capability where it watches all', () => {
    const { roster, watch } = create();
    roster.believe([one, two, other], true);
    roster.believe([one], false);
    assert.equal(ids(watch.instances), 'classify-1 embed-1', 'embed-2 left; that the last classify left is doubted');
  });

  it('takes an instance that comes back under another address as it is now', () => {
    const { roster, watch, probes } = create();
    roster.believe([one], true);
    roster.believe([], false);
    roster.believe([{ ...one, address: 'elsewhere:1' }], false);
    assert.equal(watch.instances.length, 1);
    assert.equal(watch.instances[0]?.address, 'elsewhere:1');
    assert.equal(probes.open.size, 0);
  });

  it('leaves no timer, probe or listener behind when it is closed', () => {
    const { roster, probes, clock, seen } = create();
    roster.believe([one, two], true);
    roster.believe([], false);
    roster.watch.close();
    roster.believe([one], false);
    assert.equal(clock.pending, 0);
    assert.equal(probes.open.size, 0);
    assert.deepEqual(seen, ['', 'embed-1 embed-2']);
  });

  it('always shows who is named, and beyond them only who was known and is not seen to be away', () => {
    const everybody = [one, two, other, instance('classify-2', { address: 'more:1' })];
    const step = fc.oneof(
      fc.record({ list: fc.subarray(everybody), fresh: fc.boolean() }),
      fc.record({ away: fc.constantFrom(...everybody) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { roster, probes, watch } = create();
        let named: typeof everybody = [];
        const known = new Set<string>();
        for (const each of steps) {
          if ('away' in each) probes.answer(each.away.address, 'away');
          else {
            named = each.list;
            for (const { id } of named) known.add(id);
            roster.believe(named, each.fresh);
          }
          const shown = new Set(watch.instances.map(({ id }) => id));
          for (const { id } of named) assert.ok(shown.has(id), `${id} is named and not shown`);
          for (const { id, address } of watch.instances) {
            assert.ok(known.has(id));
            const isNamed = named.some((candidate) => candidate.id === id);
            assert.equal(probes.open.has(address), !isNamed, `${id}: probed exactly while doubted`);
          }
          assert.equal(shown.size, watch.instances.length, 'nobody twice');
        }
      }),
    );
  });
});
