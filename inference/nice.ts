/** Worker threads give way to the thread that serves RPC: where all want the same cores, the system lets that one run as soon as it wakes. */
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

const NICE_MAX = 19;

/**
 * Lowers the priority of the calling thread alone by `nice` (0 to 19). Linux only: elsewhere the system knows no priority of a single
 * thread, and nothing happens.
 */
export function giveWay(nice: number): void {
  if (nice === 0 || process.platform !== 'linux') return;
  try {
    const [, thread] = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? [];
    // From where it stands: a process that was started behind others must not have workers in front of itself.
    if (thread) setPriority(Number(thread), Math.min(NICE_MAX, getPriority(Number(thread)) + nice));
  } catch {
    // No /proc, or a sandbox that forbids it: all threads are equal.
  }
}
