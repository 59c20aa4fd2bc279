/** Waits for a fact about the real world; fails with what was seen last. For what no clock of ours drives: processes, sockets, Consul. */

export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  holds: (seen: T) => boolean = Boolean,
  limitMs = 15_000,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > endMs)
      throw new Error(`${what}: not within ${limitMs} ms; last seen ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
