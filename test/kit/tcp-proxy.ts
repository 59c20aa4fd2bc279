/**
 * A TCP proxy that misbehaves on purpose, since tc netem is not everywhere: resets a connection at a byte offset, cuts the
 * stream into slices, delays it, or swallows it. Faults apply to what comes back from the server unless said otherwise.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Faults {
  /** Reset each connection once this many bytes came back over it. */
  resetAfterBytes?: number;
  /** The same for bytes on the way to the server. */
  resetAfterSentBytes?: number;
  /** Pass on at most this many bytes at a time, both ways. */
  sliceBytes?: number;
  /** Hold every piece for this long, both ways. */
  delayMs?: number;
  /** Up to this much more, at random. */
  jitterMs?: number;
  /** Accept and swallow everything, both ways, for ever. */
  blackHole?: boolean;
}

export interface TcpProxy {
  readonly address: string;
  /** Changed while it runs; counts per connection begin anew with the next connection. */
  faults: Faults;
  /** Connections accepted so far. */
  readonly accepted: number;
  close(): Promise<void>;
}

export async function startTcpProxy(
  target: string,
  faults: Faults = {},
  random: () => number = Math.random,
): Promise<TcpProxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  let accepted = 0;
  const proxy = { faults };

  const server = createServer((client) => {
    accepted++;
    const upstream = connect(Number(port), host);
    upstream.setNoDelay(true);
    client.setNoDelay(true);
    const reset = (): void => {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', reset); // the other side is reset too, as a broken line would
      socket.on('close', () => {
        sockets.delete(socket);
        reset();
      });
    }
    pipe(client, upstream, () => proxy.faults.resetAfterSentBytes, reset);
    pipe(upstream, client, () => proxy.faults.resetAfterBytes, reset);
  });

  const pipe = (from: Socket, to: Socket, resetAfter: () => number | undefined, reset: () => void): void => {
    let passed = 0;
    let line = Promise.resolve();
    from.on('data', (data: Buffer) => {
      const { blackHole, sliceBytes, delayMs = 0, jitterMs = 0 } = proxy.faults;
      if (blackHole) return;
      const limit = resetAfter();
      const room = limit === undefined ? data.length : Math.max(0, limit - passed);
      const piece = data.subarray(0, room);
      passed += piece.length;
      const slice = sliceBytes ?? Math.max(1, piece.length);
      for (let at = 0; at < piece.length; at += slice) {
        const part = piece.subarray(at, at + slice);
        if (delayMs === 0 && jitterMs === 0 && sliceBytes === undefined) to.write(part);
        else {
          // In order: a piece waits for the one before it.
          line = line.then(async () => {
            const heldMs = delayMs + random() * jitterMs;
            await new Promise<void>((resolve) => (heldMs > 0 ? setTimeout(resolve, heldMs) : setImmediate(resolve)));
            if (!to.destroyed) to.write(part);
          });
        }
      }
      if (limit !== undefined && passed >= limit && room < data.length) void line.then(() => setImmediate(reset));
    });
  };

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get accepted() {
      return accepted;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  });
}
