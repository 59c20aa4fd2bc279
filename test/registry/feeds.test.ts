import assert from 'node:assert/strict';
import { createFeeds, type OnList } from '../../registry/consul/feeds.js';
import { ids, instance } from './instances.js';

describe('Consul feeds', () => {
  function create() {
    const started: { name: string; onList: OnList; signal: AbortSignal }[] = [];
    return { started, feeds: createFeeds((name, onList, signal) => void started.push({ name, onList, signal })) };
  }

  it('asks once for a service that many watch, and stops when the last one has left', () => {
    const { started, feeds } = create();
    const stops = [
      feeds.follow('embed', () => {}),
      feeds.follow('embed', () => {}),
      feeds.follow('classify', () => {}),
    ];
    assert.deepEqual(
      started.map(({ name }) => name),
      ['embed', 'classify'],
    );
    stops[0]?.();
    stops[0]?.();
    assert.equal(started[0]?.signal.aborted, false);
    stops[1]?.();
    assert.deepEqual(
      started.map(({ signal }) => signal.aborted),
      [true, false],
    );
    feeds.follow('embed', () => {});
    assert.equal(started.length, 3, 'begins anew');
  });

  it('tells a late watcher what is known already', () => {
    const { started, feeds } = create();
    const seen: string[] = [];
    feeds.follow('embed', () => {});
    started[0]?.onList([instance('embed-1')], true);
    const stop = feeds.follow('embed', (instances, fresh) => seen.push(`${ids(instances)} ${fresh}`));
    started[0]?.onList([], false);
    stop();
    started[0]?.onList([instance('embed-2')], false);
    assert.deepEqual(seen, ['embed-1 true', ' false']);
  });
});
