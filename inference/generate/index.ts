/** The generation engine: what services may use of it. */
export type { Finish, Generated } from './decoding.js';
export {
  type GenerateOptions,
  type Generation,
  type GenerationEvent,
  type GeneratorModel,
  type GeneratorOptions,
  openGenerator,
} from './generator.js';
export { type GenerationModel, type GenerationParameters, STOPS_MAX, WIDTH_MAX } from './parameters.js';
export { loopStart } from './repetition.js';
export { type GeneratorSettings, generatorSettings } from './settings.js';
