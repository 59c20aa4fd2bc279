/** The command line without a mesh: usage errors, exit codes, help. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { run } from '../../cli/plexus.js';

async function type(...args: string[]): Promise<{ out: string; err: string; code: number | undefined }> {
  let out = '';
  let err = '';
  const code = await run(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    isTTY: false,
    env: {},
  });
  return { out, err, code };
}

describe('command line', () => {
  for (const [name, args, message] of [
    ['an unknown command', ['fly'], /unknown command 'fly'/],
    ['an unknown option', ['call', 'embed', 'x', '--colour'], /unknown option '--colour'/],
    [
      'an unknown capability',
      ['call', 'translate', 'x'],
      /there is no capability "translate"; there are tokenize, embed, classify, summarize/,
    ],
    [
      'an unknown method',
      ['call', 'embed.fly', '--data', '{"texts":["x"]}'],
      /embed has no method "fly"; it has embed, embedStream, embedTokens, embedSparse, similarity/,
    ],
    ['a missing text', ['call', 'embed'], /no text: give it as words, or --file/],
    [
      'a field that the request has not',
      ['call', 'embed', '--data', '{"txts":["x"]}'],
      /txts: EmbedRequest has no such field; did you mean "texts"\?/,
    ],
    [
      'a field of another type',
      ['call', 'embed', '--data', '{"texts":["x"], "dimensions":"many"}'],
      /dimensions: must be/,
    ],
    ['text given twice', ['call', 'embed', 'x', '--file', 'y'], /as words or as --file, not both/],
    [
      'a file that cannot be read',
      ['call', 'embed', '--file', 'no/such/file'],
      /--file: no\/such\/file cannot be read/,
    ],
    ['data that is not JSON', ['call', 'embed', '--data', '{x}'], /--data is not JSON: /],
    ['data that is no object', ['run', 'analyze', '--input', '[1]'], /--input must be a JSON object/],
    [
      'a timeout that is no number',
      ['call', 'embed', 'x', '--timeout', 'soon'],
      /--timeout must be a whole number of milliseconds above 0, is soon/,
    ],
    ['an address without a port', ['up', '--http', 'here'], /--http must be host:port, is here/],
    ['a scale of nothing', ['up', '--scale', 'embed'], /--scale takes capability=n/],
    [
      'a server there is none of',
      ['serve', 'coffee'],
      /serve takes tokenize, embed, classify, summarize, infer, gateway, not "coffee"/,
    ],
  ] as const) {
    it(`refuses ${name} with exit code 2`, async () => {
      const { err, code } = await type(...args);
      assert.match(err, message);
      assert.equal(code, 2);
    });
  }

  it('refuses to start a mesh where one listens already, and says how to go on', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { err, code } = await type('up', '--http', address);
    server.close();
    assert.match(err, new RegExp(`--http: ${address} is in use`));
    assert.equal(code, 2);
  });

  it('shows help with exit code 0', async () => {
    const { out, code } = await type('--help');
    assert.match(out, /plexus run analyze --file article\.txt/);
    assert.equal(code, 0);
  });
});
