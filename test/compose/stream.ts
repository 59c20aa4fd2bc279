/** A small, steady stream of embed calls through the gateway while something is done to the mesh; every call must be answered. */
import type { PlexusClient } from '../../client/index.js';

export interface StreamReport {
  calls: number;
  /** What every call that was not answered said. */
  lost: readonly string[];
  p50Ms: number;
  maxMs: number;
}

const EVERY_MS = 100;
const CALL_MS = 10_000;

/** Calls every 100 ms, whatever the answers do, from before `incident` until 3 s after it; then waits for the last answer. */
export async function callsDuring(client: PlexusClient, incident: () => Promise<void>): Promise<StreamReport> {
  const times: number[] = [];
  const lost: string[] = [];
  const calls: Promise<void>[] = [];
  const timer = setInterval(() => {
    const startedMs = performance.now();
    const call = client.embed.embed({ texts: [`sentence ${calls.length} of the stream`] }, { timeoutMs: CALL_MS });
    calls.push(
      call.then(
        () => void times.push(performance.now() - startedMs),
        (error: Error) => void lost.push(`after ${Math.round(performance.now() - startedMs)} ms: ${error.message}`),
      ),
    );
  }, EVERY_MS);
  try {
    await pause(1_000);
    await incident();
    await pause(3_000);
  } finally {
    clearInterval(timer);
  }
  await Promise.all(calls);
  times.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(times[Math.floor((times.length - 1) * share)] ?? Number.NaN);
  return { calls: calls.length, lost, p50Ms: at(0.5), maxMs: at(1) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
