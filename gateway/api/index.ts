/** gRPC services that the gateway passes on to the mesh. */
export { createCapabilityServices } from './capabilities.js';
export { answered, forwarded } from './metadata.js';
export { createModelsService } from './models.js';
export { createOpenInferenceService } from './open-inference.js';
export { readModel } from './wire.js';
