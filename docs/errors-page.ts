/** docs/errors.md, from the one table of errors. */
import { status as Grpc } from '@grpc/grpc-js';
import { ERRORS, type ErrorCode } from '../chassis/errors.js';

export function errorsPage(): string {
  const codes = Object.keys(ERRORS).sort() as ErrorCode[];
  const rows = codes.map((code) => {
    const { grpc, http, retryable, meaning } = ERRORS[code];
    return `| \`${code}\` | ${Grpc[grpc]} | ${http} | ${retryable ? 'yes' : 'no'} | ${meaning} |`;
  });
  return `# Errors

Made from \`chassis/errors.ts\` by \`npm run docs\`.

Every error has a stable code. Over gRPC it is the \`reason\` of a \`google.rpc.ErrorInfo\` (domain \`plexus\`) in
\`grpc-status-details-bin\`, beside \`BadRequest\` (fields at fault) and \`RetryInfo\` (when to try again). Over HTTP it is
\`error.code\` of the JSON body. Messages say what happened, to which thing, and what to do; they may change, codes do not.
*Retryable* means that the same request may succeed later and that nothing was computed.

| code | gRPC | HTTP | retryable | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
}
