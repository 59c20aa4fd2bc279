/** Pipelines: checked when loaded, planned, run, explained. See docs/pipelines.md. */
export type { CallUpstream } from './attempt.js';
export { generateProto, generateTypescript } from './codegen.js';
export { explainMermaid, explainRun, explainText } from './explain.js';
export { openFolder, type PipelineFolder, readFolder } from './folder.js';
export { createLibrary, type Library } from './library.js';
export { toPlain } from './output.js';
export type { InputField, OutputField, Plan, PlanStep } from './plan.js';
export { type RunEvent, type RunOptions, type RunResult, runPlan } from './run.js';
export { pipelineJsonSchema } from './schema.js';
export { createPipelinesService } from './service.js';
export { type Problem, printProblem } from './source.js';
