/**
 * One file onto the disk, resumed where it was left: bytes go to "<path>.part", a broken connection goes on from its end with
 * Range and If-Range, and the whole is hashed as it lies on the disk before it gets its name. What has the wrong size or hash
 * is thrown away and fetched once more from the start; if that is wrong too, it is PULL_CORRUPT.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open as openFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MeshError } from '../../chassis/errors.js';
import { type Http, type Opened, open } from './http.js';
import { withRetries } from './retry.js';

export interface Wanted {
  url: URL;
  /** For messages. */
  path: string;
  /** Absolute; its folder is made. */
  to: string;
  bytes: number;
  sha256: string | undefined;
  gitOid: string | undefined;
  /** Looks at the first answer's headers; throws where they contradict what was announced. May tell the sha256. */
  check(headers: Headers): { sha256?: string | undefined };
}

export interface DownloadOptions {
  http: Http;
  random(): number;
  triesMax: number;
  /** Bytes of this file that are on the disk now. */
  onBytes(bytes: number): void;
  onResume(bytes: number): void;
  onRetry(why: string, delayMs: number): void;
}

/** How often a finished file with the wrong content is fetched. */
const WHOLE_TRIES = 2;

/** Resolves with the sha256 of what now lies at `to`. */
export async function download(wanted: Wanted, options: DownloadOptions): Promise<string> {
  await mkdir(dirname(wanted.to), { recursive: true });
  const part = `${wanted.to}.part`;
  for (let round = 1; ; round++) {
    const announced = await fill(wanted, part, options);
    const found = await hashes(part, wanted.bytes);
    const wrong = mismatch({ ...wanted, sha256: wanted.sha256 ?? announced }, found);
    if (!wrong) {
      await rename(part, wanted.to);
      await rm(`${part}.etag`, { force: true });
      return found.sha256;
    }
    await rm(part, { force: true });
    await rm(`${part}.etag`, { force: true });
    options.onBytes(0);
    if (round === WHOLE_TRIES) {
      throw new MeshError(
        'PULL_CORRUPT',
        `${wanted.path}: ${wrong}, ${WHOLE_TRIES} times; the hub or a proxy on the way changes it`,
        { facts: { file: wanted.path } },
      );
    }
    options.onRetry(`${wanted.path}: ${wrong}`, 0);
  }
}

/** Brings `part` to its full length. Resolves with the sha256 that the answers announced, if any did. */
async function fill(wanted: Wanted, part: string, options: DownloadOptions): Promise<string | undefined> {
  let announced: string | undefined;
  await withRetries(
    async (progress) => {
      const have = await sizeOf(part);
      if (have === wanted.bytes && have > 0) return;
      if (have > wanted.bytes) await rm(part, { force: true });
      const from = have > wanted.bytes ? 0 : have;
      const etag = from > 0 ? await readFile(`${part}.etag`, 'utf8').catch(() => '') : '';
      const opened = await open(options.http, wanted.url, {
        ...(from > 0 && { range: `bytes=${from}-` }),
        ...(from > 0 && etag && { 'if-range': etag }),
      });
      try {
        announced = wanted.check(opened.first).sha256 ?? announced;
        await append(opened, from, wanted, part, options, progress);
      } finally {
        opened.close();
      }
    },
    {
      clock: options.http.clock,
      random: options.random,
      triesMax: options.triesMax,
      signal: options.http.signal,
      onRetry: (why, delayMs) => options.onRetry(`${wanted.path}: ${why}`, delayMs),
    },
  );
  return announced;
}

async function append(
  opened: Opened,
  from: number,
  wanted: Wanted,
  part: string,
  options: DownloadOptions,
  progress: () => void,
): Promise<void> {
  const { response } = opened;
  if (response.status === 416) {
    // The file there is shorter than what lies here: it is another file.
    await rm(part, { force: true });
    throw new MeshError('PULL_UNAVAILABLE', 'the server has less of the file than is here already; starting it again');
  }
  const at = startOf(response, from, wanted);
  const etag = response.headers.get('etag');
  // Only a strong tag vouches for the same bytes.
  if (etag && !etag.startsWith('W/')) await writeFile(`${part}.etag`, etag);
  const file = await openFile(part, at === 0 ? 'w' : 'r+');
  try {
    if (at > 0) options.onResume(at);
    await pour(opened, file, at, wanted, options, progress);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Where in the file the answer's bytes begin. */
function startOf(response: Response, from: number, wanted: Wanted): number {
  if (response.status !== 206) return 0;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  if (range?.[1] === String(from) && (range[2] === '*' || range[2] === String(wanted.bytes))) return from;
  throw new MeshError(
    'PULL_CORRUPT',
    `${wanted.path}: asked for bytes from ${from} of ${wanted.bytes}, was sent ${response.headers.get('content-range')}`,
  );
}

async function pour(
  opened: Opened,
  file: FileHandle,
  at: number,
  wanted: Wanted,
  options: DownloadOptions,
  progress: () => void,
): Promise<void> {
  let position = at;
  options.onBytes(position);
  for await (const chunk of opened.body()) {
    if (position + chunk.byteLength > wanted.bytes) {
      await file.truncate(0);
      throw new MeshError(
        'PULL_CORRUPT',
        `${wanted.path}: is longer than the ${wanted.bytes} bytes that were announced`,
      );
    }
    await file.write(chunk, 0, chunk.byteLength, position);
    position += chunk.byteLength;
    progress();
    options.onBytes(position);
  }
  if (position < wanted.bytes) {
    throw new MeshError('PULL_UNAVAILABLE', `the connection ended after ${position} of ${wanted.bytes} bytes`);
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** sha256 and git's object id of a file, in one reading. */
export async function hashes(path: string, bytes: number): Promise<{ bytes: number; sha256: string; gitOid: string }> {
  const sha256 = createHash('sha256');
  const git = createHash('sha1').update(`blob ${bytes}\0`);
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    sha256.update(chunk as Buffer);
    git.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { bytes: size, sha256: sha256.digest('hex'), gitOid: git.digest('hex') };
}

/** What is wrong with found content; undefined where it is what was announced. */
export function mismatch(
  wanted: Pick<Wanted, 'bytes' | 'sha256' | 'gitOid'>,
  found: { bytes: number; sha256: string; gitOid: string },
): string | undefined {
  if (found.bytes !== wanted.bytes) return `has ${found.bytes} bytes, announced were ${wanted.bytes}`;
  if (wanted.sha256 !== undefined)
    return found.sha256 === wanted.sha256 ? undefined : `has sha256 ${found.sha256}, announced was ${wanted.sha256}`;
  if (wanted.gitOid !== undefined)
    return found.gitOid === wanted.gitOid
      ? undefined
      : `has git object id ${found.gitOid}, announced was ${wanted.gitOid}`;
  return 'comes without any hash to check it by';
}
