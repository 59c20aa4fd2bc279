/** Order, cycles and reachability among steps, or among pipelines: plain names and edges, nothing else. */

export type Edges = ReadonlyMap<string, readonly string[]>;

/** Names so that each comes after what it needs, otherwise in the given order; or the first cycle: ["a", "b", "a"]. */
export function order(edges: Edges): { sorted: string[] } | { cycle: string[] } {
  const sorted: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (name: string): string[] | undefined => {
    if (done.has(name)) return undefined;
    const at = trail.indexOf(name);
    if (at !== -1) return [...trail.slice(at), name];
    trail.push(name);
    for (const next of edges.get(name) ?? []) {
      if (!edges.has(next)) continue;
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    trail.pop();
    done.add(name);
    sorted.push(name);
    return undefined;
  };
  for (const name of edges.keys()) {
    const cycle = visit(name);
    if (cycle) return { cycle };
  }
  return { sorted };
}

/** Everything that `from` leads to, itself included. */
export function reachable(edges: Edges, from: Iterable<string>): Set<string> {
  const seen = new Set<string>();
  const waiting = [...from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name) || !edges.has(name)) continue;
    seen.add(name);
    waiting.push(...(edges.get(name) ?? []));
  }
  return seen;
}
