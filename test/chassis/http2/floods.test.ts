/** The limits on what costs a peer little. */
import assert from 'node:assert/strict';
import { Code, ConnectionError } from '../../../chassis/http2/codes.js';
import { Floods } from '../../../chassis/http2/floods.js';

const calm = (error: unknown): boolean => error instanceof ConnectionError && error.code === Code.ENHANCE_YOUR_CALM;

describe('floods', () => {
  it('are 1000 empty data frames in a row, not with data in between', () => {
    const floods = new Floods();
    for (let round = 0; round < 3; round++) {
      for (let each = 0; each < 1_000; each++) floods.data(false);
      floods.data(true);
    }
    for (let each = 0; each < 1_000; each++) floods.data(false);
    assert.throws(() => floods.data(false), calm);
  });

  it('are 10,000 resets at once, and 1000 a second', () => {
    const floods = new Floods();
    for (let each = 0; each < 10_000; each++) floods.reset(0);
    for (let second = 1; second <= 5; second++) for (let each = 0; each < 1_000; each++) floods.reset(second * 1_000);
    assert.throws(() => floods.reset(5_000), calm);
  });

  it('are 4 MiB of answers that are not read', () => {
    const floods = new Floods();
    floods.unread(4 * 1024 * 1024);
    assert.throws(() => floods.unread(4 * 1024 * 1024 + 1), calm);
  });
});
