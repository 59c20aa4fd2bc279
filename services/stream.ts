/**
 * A stream of requests to a stream of answers, several worked on at a time, each answered as soon as it is ready. Reads no
 * further while `max` are under way, so that a fast caller is slowed by grpc's own flow control instead of filling a queue here.
 */

/** `work` must not reject. Ends when the requests have ended and all are answered; throws the signal's reason. */
export async function* inOrderOfArrival<Request, Response>(
  requests: AsyncIterable<Request>,
  max: number,
  signal: AbortSignal,
  work: (request: Request) => Promise<Response>,
): AsyncGenerator<Response> {
  const ready: Response[] = [];
  let underWay = 0;
  let ended = false;
  let failure: { error: unknown } | undefined;
  let wake = (): void => {};
  let resume = (): void => {};
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });

  const onAbort = (): void => {
    wake();
    resume();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const reading = (async () => {
    try {
      for await (const request of requests) {
        underWay++;
        void work(request).then((response) => {
          underWay--;
          ready.push(response);
          wake();
          resume();
        });
        // Answers that nobody has read yet count as well: they are the memory of a caller that does not read.
        while (underWay + ready.length >= max && !signal.aborted) {
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
        }
        if (signal.aborted) break;
      }
    } catch (error) {
      failure = { error };
    }
    ended = true;
    wake();
  })();

  try {
    for (;;) {
      if (signal.aborted) throw signal.reason;
      const response = ready.shift();
      if (response !== undefined) {
        yield response;
        resume();
      } else if (failure) throw failure.error;
      else if (ended && underWay === 0) return;
      else await pause();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    ended = true;
    void reading; // ends with the call: its iterator is the call
  }
}
