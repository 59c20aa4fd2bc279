/** The registry room: who is alive, where, running which models. Imports chassis only. */
export { CAPABILITIES, type Capability, type Instance, type Registration, type Registry, type Watch } from './registry.js';
