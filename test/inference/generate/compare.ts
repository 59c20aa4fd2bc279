/** What a model generates against what transformers generated on the same files. */
import type { GeneratorModel } from '../../../inference/generate/index.js';
import { type Case, parametersOf, unhurried } from './models.js';

/** What differs from the reference, as text; empty where nothing does. `together`: all cases at once, sharing steps. */
export async function mismatches(
  model: GeneratorModel,
  cases: readonly Case[],
  together: boolean,
  tolerance = 1e-3,
): Promise<string[]> {
  const decode = async ({ ids, parameters, results }: Case): Promise<string | undefined> => {
    const given = { ...parametersOf(parameters), returnLogprobs: true };
    const { results: found } = await model.generate(ids, given, unhurried());
    const label = `${JSON.stringify(parameters)} of ${ids.length} tokens`;
    for (const [index, wanted] of results.entries()) {
      const got = found[index];
      if (got?.ids.join() !== wanted.ids.join())
        return `${label}: ${got?.ids} (score ${got?.score}) is not ${wanted.ids} (score ${wanted.score})`;
      if (!(Math.abs((got.score ?? Number.NaN) - wanted.score) <= tolerance * (1 + Math.abs(wanted.score))))
        return `${label}: score ${got.score} is not ${wanted.score}`;
      const far = wanted.logprobs.findIndex(
        (value, place) => !(Math.abs(value - (got.logprobs[place] as number)) < 2 * tolerance),
      );
      if (far >= 0) return `${label}: log-probability ${far} is ${got.logprobs[far]}, not ${wanted.logprobs[far]}`;
    }
    return found.length === results.length ? undefined : `${label}: ${found.length} results`;
  };
  const found: (string | undefined)[] = [];
  if (together) found.push(...(await Promise.all(cases.map(decode))));
  else for (const each of cases) found.push(await decode(each));
  return found.filter((each) => each !== undefined);
}
