// The health check of a container: asks grpc.health.v1 on this process's own port (PLEXUS_ADDRESS) and exits 0 where it serves.
// It runs every few seconds beside the process it asks, so it is node:http2 alone: 0.1 s of CPU, where the CLI takes 0.5.
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';

const LIMIT_MS = 2_500;
const { PLEXUS_ADDRESS = '0.0.0.0:50050', PLEXUS_TLS_CERT, PLEXUS_TLS_KEY, PLEXUS_TLS_CA } = process.env;
const port = PLEXUS_ADDRESS.slice(PLEXUS_ADDRESS.lastIndexOf(':') + 1);

function leave(code, text) {
  console.log(text);
  process.exit(code);
}

setTimeout(() => leave(1, `no answer in ${LIMIT_MS} ms`), LIMIT_MS);
const secure = {
  // The certificate is for the name that others use, not for this loopback address.
  checkServerIdentity: () => undefined,
  rejectUnauthorized: Boolean(PLEXUS_TLS_CA),
  ...(PLEXUS_TLS_CA && { ca: readFileSync(PLEXUS_TLS_CA) }),
  ...(PLEXUS_TLS_CERT && { cert: readFileSync(PLEXUS_TLS_CERT), key: readFileSync(PLEXUS_TLS_KEY ?? PLEXUS_TLS_CERT) }),
};
const session = PLEXUS_TLS_CERT ? connect(`https://127.0.0.1:${port}`, secure) : connect(`http://127.0.0.1:${port}`);
session.on('error', (error) => leave(1, error.message));

const call = session.request({
  ':method': 'POST',
  ':path': '/grpc.health.v1.Health/Check',
  'content-type': 'application/grpc',
  te: 'trailers',
});
const chunks = [];
call.on('data', (chunk) => chunks.push(chunk));
call.on('error', (error) => leave(1, error.message));
call.on('end', () => {
  // A frame's five bytes, then field 1 (status) as a varint: 1 is SERVING.
  const message = Buffer.concat(chunks).subarray(5);
  if (message[0] === 0x08 && message[1] === 1) leave(0, 'SERVING');
  leave(1, 'not serving');
});
call.end(Buffer.alloc(5)); // an empty request: the process as a whole
