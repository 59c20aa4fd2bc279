/** What is wrong with a pipeline is told with its place and what to write instead. */
import assert from 'node:assert/strict';
import { descriptors } from '../../../chassis/descriptors.js';
import { findMethod } from '../../../gateway/pipeline/action.js';
import { REQUIRED_FIELDS } from '../../../gateway/pipeline/request.js';
import { SOURCE_MAX } from '../../../gateway/pipeline/source.js';
import { CAPABILITIES } from '../../../registry/index.js';
import { planOf, problemsOf } from './kit.js';

/** A definition around some steps, so that cases are short. Line 5 is the first line of `steps`. */
function withSteps(steps: string, output = 'x: "${steps.a.dimensions}"'): string {
  return `name: t\nversion: "1"\ninput: {text: string, count: int, flag: {type: bool, default: true}, maybe: {type: string, required: false}}\nsteps:\n${steps}\noutput:\n  ${output}\n`;
}

const embed = (texts: string, more = ''): string =>
  `  a:\n    call: embed.Embed\n    with:\n      texts: ${texts}\n${more}`;

const inner =
  'name: inner\nversion: "1"\ninput: {n: int, list: list<string>}\nsteps: {b: {value: "${input.n}"}}\noutput: {y: "${steps.b}", z: "${input.list}"}\n';

interface Case {
  name: string;
  yaml: string;
  at: [line: number, column: number];
  path: string;
  message: RegExp;
  /** Default: any. '' where the message says itself what is allowed. */
  suggestion?: RegExp | '';
}

const cases: Case[] = [
  { name: 'text that is not YAML', yaml: 'name: [t', at: [1, 9], path: '', message: /not valid YAML/ },
  {
    name: 'an expression that YAML reads as a map',
    yaml: withSteps(embed('["x"]', '    when: ${true ? true : false}\n')),
    at: [9, 11],
    path: '',
    message: /not valid YAML/,
    suggestion: /quotes/,
  },
  {
    name: 'a missing part',
    yaml: 'name: t\nversion: "1"\noutput: {a: 1}\n',
    at: [1, 1],
    path: 'steps',
    message: /is required/,
    suggestion: /add steps:/,
  },
  {
    name: 'an unknown key',
    yaml: withSteps(embed('["x"]', '    timout: 5s\n')),
    at: [9, 5],
    path: 'steps.a.timout',
    message: /"timout" is not known here/,
    suggestion: /did you mean "timeout"/,
  },
  {
    name: 'a duration that is none',
    yaml: withSteps(embed('["x"]', '    timeout: 5 sec\n')),
    at: [9, 14],
    path: 'steps.a.timeout',
    message: /must be a duration/,
    suggestion: '',
  },
  {
    name: 'a step name that cannot stand in an expression',
    yaml: withSteps(embed('["x"]').replace('  a:', '  my-step:')),
    at: [5, 3],
    path: 'steps.my-step',
    message: /small letters, digits/,
    suggestion: '',
  },
  {
    name: 'an input type that is none',
    yaml: 'name: t\nversion: "1"\ninput: {text: str}\nsteps: {a: {value: "${input.text}"}}\noutput: {x: "${steps.a}"}\n',
    at: [3, 15],
    path: 'input.text',
    message: /must be string, double, bool, int/,
    suggestion: '',
  },
  {
    name: 'a default of another type',
    yaml: 'name: t\nversion: "1"\ninput: {n: {type: int, default: many}}\nsteps: {a: {value: "${input.n}"}}\noutput: {x: "${steps.a}"}\n',
    at: [3, 33],
    path: 'input.n.default',
    message: /must be a whole number/,
    suggestion: /write a whole number/,
  },
  {
    name: 'an unknown capability',
    yaml: withSteps(embed('["x"]').replace('embed.Embed', 'embd.Embed')),
    at: [6, 11],
    path: 'steps.a.call',
    message: /no capability is called "embd"/,
    suggestion: /did you mean "embed"/,
  },
  {
    name: 'an unknown method',
    yaml: withSteps(embed('["x"]').replace('embed.Embed', 'embed.Embd')),
    at: [6, 11],
    path: 'steps.a.call',
    message: /embed has no method "Embd"/,
    suggestion: /did you mean "Embed"/,
  },
  {
    name: 'a method that takes a stream',
    yaml: withSteps(embed('["x"]').replace('embed.Embed', 'embed.EmbedStream')),
    at: [6, 11],
    path: 'steps.a.call',
    message: /takes a stream of requests/,
    suggestion: /use embed\.Embed/,
  },
  {
    name: 'an unknown field',
    yaml: withSteps(embed('["x"]', '      normalise: true\n')),
    at: [9, 7],
    path: 'steps.a.with.normalise',
    message: /EmbedRequest has no field "normalise"/,
    suggestion: /did you mean "normalize"/,
  },
  {
    name: 'a field in camel case',
    yaml: withSteps(embed('["x"]', '      promptName: query\n')),
    at: [9, 7],
    path: 'steps.a.with.promptName',
    message: /no field "promptName"/,
    suggestion: /"prompt_name"/,
  },
  {
    name: 'a missing required field',
    yaml: withSteps('  a:\n    call: embed.Embed\n    with: {model: m}'),
    at: [7, 5],
    path: 'steps.a.with',
    message: /EmbedRequest needs the field "texts"/,
    suggestion: /add texts:/,
  },
  {
    name: 'a string where a list is wanted',
    yaml: withSteps(embed('${input.text}')),
    at: [8, 14],
    path: 'steps.a.with.texts',
    message: /must be list<string>, is string/,
    suggestion: /write \["\$\{input\.text\}"\]/,
  },
  {
    name: 'a number where a string is wanted',
    yaml: withSteps(embed('["${input.count}"]')),
    at: [8, 15],
    path: 'steps.a.with.texts[0]',
    message: /must be string, is int/,
    suggestion: /string\(input\.count\)/,
  },
  {
    name: 'a literal of another type',
    yaml: withSteps(embed('["x"]', '      dimensions: lots\n')),
    at: [9, 19],
    path: 'steps.a.with.dimensions',
    message: /must be a whole number/,
    suggestion: /write a whole number/,
  },
  {
    name: 'a number that is too large',
    yaml: withSteps(embed('["x"]', '      dimensions: 4294967296\n')),
    at: [9, 19],
    path: 'steps.a.with.dimensions',
    message: /from 0 to 4294967295/,
  },
  {
    name: 'an enum value that is none',
    yaml: withSteps(embed('["x"]', '      pooling: POOLING_MEEN\n')),
    at: [9, 16],
    path: 'steps.a.with.pooling',
    message: /must be one of POOLING_/,
    suggestion: /did you mean "POOLING_MEAN"/,
  },
  {
    name: 'two members of one oneof',
    yaml: withSteps(
      '  a:\n    call: summarize.Summarize\n    with: {texts: ["x"], length: {words: 3, sentences: 4}}',
      'x: "${steps.a.summaries[0].text}"',
    ),
    at: [7, 45],
    path: 'steps.a.with.length.sentences',
    message: /only one of words and sentences/,
  },
  {
    name: 'an unknown step',
    yaml: withSteps(embed('["${steps.tokens.counts[0]}"]')),
    at: [8, 24],
    path: 'steps.a.with.texts[0]',
    message: /there is no step "tokens"/,
    suggestion: /there are a/,
  },
  {
    name: 'an unknown input',
    yaml: withSteps(embed('["${input.txt}"]')),
    at: [8, 24],
    path: 'steps.a.with.texts[0]',
    message: /there is no input "txt"/,
    suggestion: /did you mean "text"/,
  },
  {
    name: 'an unknown field of an answer',
    yaml: withSteps(embed('["x"]'), 'x: "${steps.a.embedings[0].values}"'),
    at: [11, 17],
    path: 'output.x',
    message: /EmbedResponse has no field "embedings"/,
    suggestion: /did you mean "embeddings"/,
  },
  {
    name: 'an expression that does not parse',
    yaml: withSteps(embed('["${1 +}"]')),
    at: [8, 21],
    path: 'steps.a.with.texts[0]',
    message: /Unexpected token/,
    suggestion: '',
  },
  {
    name: 'an expression that is not closed',
    yaml: withSteps(embed('["${input.text"]')),
    at: [8, 16],
    path: 'steps.a.with.texts[0]',
    message: /never closed/,
    suggestion: /\$\$\{/,
  },
  {
    name: 'an expression whose types do not fit',
    yaml: withSteps(embed('["${input.text + 1}"]')),
    at: [8, 18],
    path: 'steps.a.with.texts[0]',
    message: /no such overload: string \+ int/,
    suggestion: /string\(\)/,
  },
  {
    name: 'a condition that is no bool',
    yaml: withSteps(embed('["x"]', '    when: ${input.text}\n')),
    at: [9, 11],
    path: 'steps.a.when',
    message: /must be a bool, is string/,
    suggestion: /write "\$\{input\.text != ''\}"/,
  },
  {
    name: 'a condition that is no expression',
    yaml: withSteps(embed('["x"]', '    when: input.flag\n')),
    at: [9, 11],
    path: 'steps.a.when',
    message: /must be an expression/,
    suggestion: /\$\{input\.flag\}/,
  },
  {
    name: 'an each over what is no list',
    yaml: withSteps(embed('["x"]', '    each: ${input.text}\n'), 'x: "${size(steps.a)}"'),
    at: [9, 11],
    path: 'steps.a.each',
    message: /must be a list, is string/,
    suggestion: /write "\$\{\[input\.text\]\}"/,
  },
  {
    name: 'item outside an each',
    yaml: withSteps(embed('["${item}"]')),
    at: [8, 18],
    path: 'steps.a.with.texts[0]',
    message: /Unknown variable: item/,
    suggestion: /outside an each/,
  },
  {
    name: 'parallel without each',
    yaml: withSteps(embed('["x"]', '    parallel: 3\n')),
    at: [9, 5],
    path: 'steps.a.parallel',
    message: /needs an each/,
  },
  {
    name: 'item_timeout without each',
    yaml: withSteps(embed('["x"]', '    item_timeout: 3s\n')),
    at: [9, 5],
    path: 'steps.a.item_timeout',
    message: /needs an each/,
  },
  {
    name: 'a cache on a value',
    yaml: withSteps('  a:\n    value: 1\n    cache: 1m', 'x: "${steps.a}"'),
    at: [7, 5],
    path: 'steps.a.cache',
    message: /only a call/,
  },
  {
    name: 'a cache of random answers',
    yaml: withSteps(
      '  a:\n    call: summarize.Summarize\n    with: {texts: ["x"], generation: {do_sample: true}}\n    cache: 1m',
      'x: "${steps.a.summaries[0].text}"',
    ),
    at: [8, 5],
    path: 'steps.a.cache',
    message: /one random answer to all/,
    suggestion: /give a seed/,
  },
  {
    name: 'a step that does two things',
    yaml: withSteps('  a:\n    call: embed.Embed\n    value: 1', 'x: "${steps.a}"'),
    at: [5, 3],
    path: 'steps.a',
    message: /has call and value/,
  },
  {
    name: 'a step that does nothing',
    yaml: withSteps('  a: {timeout: 1s}', 'x: "${steps.a}"'),
    at: [5, 3],
    path: 'steps.a',
    message: /needs one of call, pipeline, value/,
  },
  {
    name: 'a retry of a pipeline',
    yaml: withSteps('  a:\n    pipeline: inner\n    with: {n: 1, list: [x]}\n    retry: 3', 'x: "${steps.a.y}"'),
    at: [8, 5],
    path: 'steps.a.retry',
    message: /not run again as a whole/,
    suggestion: /give retry to its steps/,
  },
  {
    name: 'an input of another pipeline of another type',
    yaml: withSteps('  a:\n    pipeline: inner\n    with: {n: "${input.text}", list: [x]}', 'x: "${steps.a.y}"'),
    at: [7, 15],
    path: 'steps.a.with.n',
    message: /must be int, is string/,
    suggestion: /write "\$\{int\(input\.text\)\}"/,
  },
  {
    name: 'a literal of another type for another pipeline',
    yaml: withSteps('  a:\n    pipeline: inner\n    with: {n: "3", list: [x]}', 'x: "${steps.a.y}"'),
    at: [7, 15],
    path: 'steps.a.with.n',
    message: /must be int, is string/,
    suggestion: /write 3, without quotes/,
  },
  {
    name: 'a message where texts are wanted',
    yaml: withSteps(
      '  b:\n    call: tokenize.Chunk\n    with: {text: "${input.text}"}\n  a:\n    pipeline: inner\n    with: {n: 1, list: "${steps.b.chunks}"}',
      'x: "${steps.a.y}"',
    ),
    at: [10, 24],
    path: 'steps.a.with.list',
    message: /must be list<string>, is list<plexus\.v1\.Chunk>/,
    suggestion: /write "\$\{steps\.b\.chunks\.map\(each, each\.text\)\}"/,
  },
  {
    name: 'an answer where a number is wanted',
    yaml: withSteps(
      `${embed('["x"]')}  b:\n    pipeline: inner\n    with: {n: "\${steps.a}", list: [x]}`,
      'x: "${steps.b.y}"',
    ),
    at: [11, 15],
    path: 'steps.b.with.n',
    message: /must be int, is plexus\.v1\.EmbedResponse/,
    suggestion: /write "\$\{steps\.a\.dimensions\}"/,
  },
  {
    name: 'an unknown output of another pipeline',
    yaml: withSteps('  a:\n    pipeline: inner\n    with: {n: 1, list: [x]}', 'x: "${steps.a.yy}"'),
    at: [9, 17],
    path: 'output.x',
    message: /pipelines\.inner_1 has no field "yy"/,
    suggestion: /did you mean "y"|it has y/,
  },
  {
    name: 'a cycle',
    yaml: withSteps('  a:\n    value: ${steps.b + 1}\n  b:\n    value: ${steps.a + 1}', 'x: "${steps.a}"'),
    at: [5, 3],
    path: 'steps.a',
    message: /wait for each other: a -> b -> a/,
  },
  {
    name: 'a step that reads itself',
    yaml: withSteps('  a:\n    value: ${steps.a + 1}', 'x: "${steps.a}"'),
    at: [5, 3],
    path: 'steps.a',
    message: /a -> a/,
  },
  {
    name: 'a step that nothing reads',
    yaml: withSteps(`${embed('["x"]')}  b:\n    value: 1`),
    at: [9, 3],
    path: 'steps.b',
    message: /nothing reads steps\.b/,
    suggestion: /use it under output/,
  },
  {
    name: 'a fallback of another type',
    yaml: withSteps(embed('["x"]', '    fallback: {call: tokenize.Count, with: {texts: ["x"]}}\n')),
    at: [9, 5],
    path: 'steps.a.fallback',
    message: /gives plexus\.v1\.CountResponse, the step plexus\.v1\.EmbedResponse/,
  },
  {
    name: 'a fallback constant with an unknown field',
    yaml: withSteps(embed('["x"]', '    fallback: {value: {dims: 3}}\n')),
    at: [9, 24],
    path: 'steps.a.fallback.value.dims',
    message: /EmbedResponse has no field "dims"/,
  },
  {
    name: 'a fallback to a step of another type',
    yaml: withSteps(`${embed('["x"]', '    fallback: {step: b}\n')}  b:\n    value: 1`),
    at: [9, 22],
    path: 'steps.a.fallback.step',
    message: /steps\.b is int/,
  },
  {
    name: 'an unknown fallback step',
    yaml: withSteps(embed('["x"]', '    fallback: {step: aa}\n')),
    at: [9, 22],
    path: 'steps.a.fallback.step',
    message: /there is no step "aa"/,
    suggestion: /there is no other step/,
  },
  {
    name: 'an unknown step to wait for',
    yaml: withSteps(embed('["x"]', '    after: [b]\n')),
    at: [9, 13],
    path: 'steps.a.after[0]',
    message: /there is no step "b"/,
    suggestion: /there is no other step/,
  },
  {
    name: 'branches of different types',
    yaml: withSteps(
      '  a:\n    switch:\n      - when: ${input.flag}\n        value: 1\n      - value: one',
      'x: "${steps.a}"',
    ),
    at: [9, 9],
    path: 'steps.a.switch[1]',
    message: /this gives string, the first int/,
  },
  {
    name: 'a default branch that is not last',
    yaml: withSteps(
      '  a:\n    switch:\n      - value: 1\n      - when: ${input.flag}\n        value: 2',
      'x: "${steps.a}"',
    ),
    at: [7, 9],
    path: 'steps.a.switch[0]',
    message: /must stand last/,
  },
  {
    name: 'a switch inside an each that leaves an item without result',
    yaml: withSteps(
      '  a:\n    each: ["x"]\n    switch:\n      - {when: "${item == index}", value: 1}',
      'x: "${steps.a}"',
    ).replace('each: ["x"]', 'each: "${[1, 2]}"'),
    at: [7, 5],
    path: 'steps.a.switch',
    message: /last branch must have no condition/,
  },
  {
    name: 'a split without weight',
    yaml: withSteps('  a:\n    split:\n      - {weight: 0, value: 1}', 'x: "${steps.a}"'),
    at: [7, 7],
    path: 'steps.a.split',
    message: /at least one weight/,
  },
  {
    name: 'an unknown pipeline',
    yaml: withSteps('  a:\n    pipeline: iner', 'x: "${steps.a.y}"'),
    at: [6, 15],
    path: 'steps.a.pipeline',
    message: /there is no pipeline "iner"/,
    suggestion: /did you mean "inner"/,
  },
  {
    name: 'no output',
    yaml: withSteps(embed('["x"]'), '').replace('output:\n  \n', 'output: {}\n'),
    at: [10, 9],
    path: 'output',
    message: /at least one field/,
  },
];

describe('a pipeline is checked against the protos when it is loaded', () => {
  for (const { name, yaml, at, path, message, suggestion } of cases) {
    it(`refuses ${name}`, () => {
      const problems = problemsOf(yaml, { 'inner.yaml': inner });
      const found = problems.find((problem) => problem.path === path && message.test(problem.message));
      assert.ok(found, `not among ${JSON.stringify(problems, null, 1)}`);
      assert.deepEqual([found.line, found.column], at, `${found.message} at ${found.line}:${found.column}`);
      if (suggestion === '') assert.equal(found.suggestion, '');
      else assert.match(found.suggestion, suggestion ?? /./, found.message);
    });
  }

  it('tells every mistake at once, each once, in the order of the file', () => {
    const problems = problemsOf(
      withSteps(embed('["${input.txt}"]', '      pooling: MEAN\n      dims: 3\n'), 'x: "${steps.a.nope}"'),
    );
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['steps.a.with.texts[0]', 'steps.a.with.pooling', 'steps.a.with.dims', 'output.x'],
    );
  });

  it('takes a cache of answers that a seed makes repeatable', () => {
    for (const generation of ['{do_sample: true, seed: 7}', '{do_sample: false}'])
      planOf(
        withSteps(
          `  a:\n    call: summarize.Summarize\n    with: {texts: ["x"], generation: ${generation}}\n    cache: 1m`,
          'x: "${steps.a.summaries[0].text}"',
        ),
      );
  });

  it('does not call a step unread that is only misspelt where it is read', () => {
    const problems = problemsOf(
      withSteps(`  tokens:\n    value: 1\n${embed('["x"]', '    when: ${steps.token > 0}\n')}`),
    );
    assert.deepEqual(
      problems.map(({ path, suggestion }) => [path, suggestion]),
      [['steps.a.when', 'did you mean "tokens"?']],
    );
  });

  it('refuses a definition that is too long, and aliases that multiply it', () => {
    assert.match(problemsOf(`name: ${'x'.repeat(SOURCE_MAX)}`)[0]?.message ?? '', /at most/);
    const bomb = `a: &a [x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((letter, index) => `${letter}: &${letter} [${Array(8).fill(`*${'abcdefgh'[index]}`).join(',')}]`)
      .join('\n')}`;
    assert.match(problemsOf(bomb)[0]?.message ?? '', /aliases/);
  });

  it('infers the types of outputs and which may be missing', () => {
    const plan = planOf(
      withSteps(
        `${embed('["${input.text}"]', '    when: ${input.flag}\n')}  b:\n    value: \${input.count * 2}`,
        'x: "${steps.a.dimensions}"\n  y: "${steps.b}"\n  z: "${has(steps.a) ? steps.a.embeddings[0].values : []}"\n  m: "${input.maybe}"\n  n: {a: [1, 2], b: "${steps.b}"}',
      ),
    );
    assert.deepEqual(
      plan.outputs.map(({ name, type, required }) => ({ name, type, required })),
      [
        { name: 'x', type: 'int', required: false },
        { name: 'y', type: 'int', required: true },
        { name: 'z', type: 'list<double>', required: true },
        { name: 'm', type: 'string', required: false },
        { name: 'n', type: 'map<string, dyn>', required: true },
      ],
    );
  });

  it('knows the required fields by the names of the protos', () => {
    for (const [message, fields] of Object.entries(REQUIRED_FIELDS)) {
      const names =
        descriptors()
          .getMessage(message)
          ?.fields.map(({ name }) => name) ?? [];
      for (const field of fields) assert.ok(names.includes(field), `${message}.${field}`);
    }
  });

  it('knows what every request needs that a step can send', () => {
    const requests = CAPABILITIES.flatMap((capability) => {
      const service = descriptors().getService(`plexus.v1.${capability[0]?.toUpperCase()}${capability.slice(1)}`);
      return (service?.methods ?? []).flatMap(({ name, input }) =>
        'method' in findMethod(`${capability}.${name}`) ? [input.typeName] : [],
      );
    });
    const free = ['plexus.v1.DescribeModelRequest'];
    assert.deepEqual([...Object.keys(REQUIRED_FIELDS), ...free].sort(), [...new Set(requests)].sort());
  });

  it('takes steps as a list, with names', () => {
    const plan = planOf(
      'name: t\nversion: 2\nsteps:\n  - {name: a, value: 1}\n  - {name: b, value: "${steps.a + 1}"}\noutput: {x: "${steps.b}"}\n',
    );
    assert.deepEqual(
      plan.steps.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(plan.version, '2');
    assert.match(
      problemsOf('name: t\nversion: 2\nsteps:\n  - {value: 1}\noutput: {x: 1}\n')[0]?.message ?? '',
      /needs a name/,
    );
  });
});
