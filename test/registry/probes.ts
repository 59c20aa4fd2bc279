/** Probes without a network: the test says what each address answers. */
import type { CreateProbe, ProbeState } from '../../registry/probe.js';

export interface FakeProbes {
  readonly create: CreateProbe;
  /** Addresses that are probed now, with the service they are asked for. */
  readonly open: ReadonlyMap<string, string>;
  answer(address: string, state: ProbeState): void;
}

export function createFakeProbes(): FakeProbes {
  const probes = new Map<string, { service: string; state: ProbeState; onChange: (state: ProbeState) => void }>();
  return {
    create({ address, service, onChange }) {
      const probe = { service, state: 'unknown' as ProbeState, onChange };
      probes.set(address, probe);
      return {
        get state() {
          return probe.state;
        },
        close: () => {
          if (probes.get(address) === probe) probes.delete(address);
        },
      };
    },
    get open() {
      return new Map([...probes].map(([address, { service }]) => [address, service]));
    },
    answer(address, state) {
      const probe = probes.get(address);
      if (!probe || probe.state === state) return;
      probe.state = state;
      probe.onChange(state);
    },
  };
}
