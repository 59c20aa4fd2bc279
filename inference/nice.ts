/** Worker threads give way to the thread that serves RPC: where all want the same cores, the system lets that one run as soon as it wakes. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Lowers the priority of the calling thread alone by `nice` (0 to 19). Linux only: elsewhere the system knows no priority of a single
 * thread, and nothing happens.
 */
export function giveWay(nice: number): void {
  if (nice === 0 || process.platform !== 'linux') return;
  try {
    const [, thread] = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? [];
    if (thread) setPriority(Number(thread), nice);
  } catch {
    // No /proc, or a sandbox that forbids it: all threads are equal.
  }
}
