/**
 * Other rows in the same memory. A cache of 8 rows of T5-small holds 50 MB of keys and values of sources; written anew whenever the rows
 * of those who left are closed up or somebody joins, that is 10 to 20 ms in which nobody's next token comes. Here only rows that change
 * their place are copied, and the decoder's own past, whose rows lie side by side in each place; that too within its memory, where it
 * fits.
 */
import { Tensor } from 'onnxruntime-node';
import {
  type Cache,
  copyRow,
  dims,
  fieldsOf,
  type Numbers,
  numbers,
  type RowOf,
  roomFor,
  SOURCE_STEP,
} from './cache.js';

/**
 * Makes these the rows of the cache; false, and nothing done, where their sources do not fit its memory or would leave most of it unused.
 * A row that is the cache's own is among them at its own place, or has stood behind the last place there now is.
 */
export function regroup(cache: Cache, rows: readonly RowOf[]): boolean {
  const { specs, source } = cache;
  const longest = Math.max(...rows.map(({ cache: from, row }) => from.sources[row] as number));
  if (longest > source || source > 2 * longest + SOURCE_STEP) return false;
  for (const [index, { part, inPlaces, outer, inner }] of specs.entries()) {
    const tensor = cache.tensors[index] as Tensor;
    if ((part === 'own' && !inPlaces) || (tensor.data as Numbers).byteOffset !== 0) return false;
    const room = memoryOf(tensor).length / (outer * source * inner);
    if (part === 'source' && (rows.length > room || rows.length < room / 4)) return false;
  }
  for (const [index, spec] of specs.entries()) {
    if (spec.part === 'own') continue;
    const memory = memoryOf(cache.tensors[index] as Tensor);
    const size = spec.outer * source * spec.inner;
    for (const [to, { cache: from, row }] of rows.entries())
      if (from === cache && row !== to) memory.copyWithin(to * size, row * size, (row + 1) * size);
    const used = memory.subarray(0, rows.length * size);
    cache.tensors[index] = new Tensor(spec.type, used, dims(spec, rows.length, source));
  }
  regroupOwn(cache, rows);
  for (const [to, from] of rows.entries()) {
    if (from.cache === cache) continue;
    for (let index = 0; index < specs.length; index++) copyRow(index, from.cache, from.row, cache, to);
  }
  return true;
}

/** The own part, and the fields. */
function regroupOwn(cache: Cache, rows: readonly RowOf[]): void {
  const { specs, rows: before } = cache;
  const now = rows.length;
  const fields = fieldsOf(rows);
  const length = Math.max(1, ...fields.lengths);
  // Places that are kept, behind those that only a newcomer is old enough for.
  const kept = Math.min(length, cache.length);
  const older = length - kept;
  const skipped = cache.begin + cache.length - kept;
  const [closesUp, widens] = [now <= before && older === 0, now >= before];
  const smaller = Math.floor((cache.capacity * before) / now);
  const fits = length < smaller && (closesUp || widens);
  const capacity = fits ? smaller : length + roomFor(length);
  for (const [index, spec] of specs.entries()) {
    if (spec.part !== 'own') continue;
    const block = spec.outer * spec.inner;
    const from = memoryOf(cache.tensors[index] as Tensor);
    const into = fits ? from : numbers(spec, now * capacity * block);
    const move = (to: number, fromPlace: number, toPlace: number): void => {
      const { cache: source, row } = rows[to] as RowOf;
      const [start, target] = [(fromPlace * before + row) * block, (toPlace * now + to) * block];
      if (source !== cache || (fits && start === target)) return;
      if (fits) from.copyWithin(target, start, start + block);
      else into.set(from.subarray(start, start + block), target);
    };
    if (closesUp || !fits) {
      // Forwards: within one memory everything moves towards the beginning.
      for (let place = 0; place < kept; place++)
        for (let to = 0; to < now; to++) move(to, skipped + place, older + place);
    } else {
      // Backwards, from the beginning: everything moves towards the end.
      from.copyWithin(0, skipped * before * block, (skipped + kept) * before * block);
      for (let place = kept - 1; place >= 0; place--)
        for (let to = now - 1; to >= 0; to--) move(to, place, older + place);
    }
    const used = into.subarray(0, now * capacity * block);
    cache.tensors[index] = new Tensor(spec.type, used, dims(spec, now, capacity));
  }
  Object.assign(cache, { rows: now, begin: 0, capacity, length, ...fields });
  cache.masks.clear();
}

/** All the memory a tensor is the beginning of. */
function memoryOf({ data }: Tensor): Numbers {
  const { buffer } = data as Numbers;
  return (data instanceof Float32Array ? new Float32Array(buffer) : new Uint16Array(buffer)) as Numbers;
}
