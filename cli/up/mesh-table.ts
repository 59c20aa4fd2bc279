/** The table of `plexus up`: service, address, model@version, state; from what the supervisor and the registry know. */
import type { Instance } from '../../registry/index.js';
import { table } from '../table.js';
import type { Child } from './child.js';

export interface MeshRow {
  child: Child;
  /** As the registry has it; undefined while it does not. */
  instance: Instance | undefined;
  /** Shown where the registry does not tell: the gateway's HTTP address. */
  note: string;
}

export function meshTable(rows: readonly MeshRow[]): string {
  return table(
    ['service', 'address', 'model', 'state'],
    rows.map(({ child, instance, note }) => [
      child.name,
      [instance?.address ?? '', note].filter((part) => part !== '').join('  '),
      instance?.models.join(', ') || '-',
      stateOf({ child, instance }),
    ]),
  );
}

export function stateOf({ child, instance }: Pick<MeshRow, 'child' | 'instance'>): string {
  const restarted = child.restarts > 0 ? ` (restarted ${child.restarts}x)` : '';
  switch (child.state.at) {
    case 'running':
      return (instance ? 'ready' : 'starting') + restarted;
    case 'waiting':
      return `died (${child.state.exit}), starts again`;
    default:
      return child.state.at;
  }
}
