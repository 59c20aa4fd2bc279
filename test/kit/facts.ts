/**
 * Facts that spend their time waiting for the outside world (an agent, a process), so a few run at a time: each starts when the
 * suite does and `it` waits for its outcome. Every fact cleans up after itself, in the order opposite to its making.
 */

export interface Scope {
  /** `end` runs when the fact has ended, however it ended. */
  defer(end: () => unknown): void;
}

/** Call inside a `describe`; the returned function declares one fact. */
export function concurrently(
  limit: number,
  skip: (context: Mocha.Context) => void,
): (name: string, run: (scope: Scope) => Promise<void>) => void {
  const facts: { run: (scope: Scope) => Promise<void>; settle: (outcome: Promise<void>) => void }[] = [];
  before(function () {
    skip(this);
    const worker = async (): Promise<void> => {
      for (let fact = facts.shift(); fact; fact = facts.shift()) {
        const outcome = scoped(fact.run);
        fact.settle(outcome);
        await outcome.catch(() => {}); // reported by its `it`
      }
    };
    for (let index = 0; index < limit; index++) void worker(); // never rejects
  });
  return (name, run) => {
    const outcome = new Promise<void>((resolve) => facts.push({ run, settle: resolve }));
    outcome.catch(() => {});
    it(name, () => outcome);
  };
}

async function scoped(run: (scope: Scope) => Promise<void>): Promise<void> {
  const ends: (() => unknown)[] = [];
  try {
    await run({ defer: (end) => void ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
