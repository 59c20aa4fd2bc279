/** A layer around every call of a server. `begin` may refuse the call by throwing a MeshError; what it returns is called once, at the end. */
import type { CallContext } from '../call.js';
import type { MeshError } from '../errors.js';

export interface Interceptor {
  /** True where the end only looks on, as counting and logging do: the answer goes out first. */
  readonly onlooker?: boolean;
  begin(context: CallContext): (error: MeshError | undefined) => void;
}
