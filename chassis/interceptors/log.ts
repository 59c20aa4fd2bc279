/** One log line a call that failed; all calls at level debug. What was unforeseen is logged with its cause, which the caller never sees. */
import type { Clock } from '../clock.js';
import type { Interceptor } from './interceptor.js';

export function createLogInterceptor(clock: Clock): Interceptor {
  return {
    onlooker: true,
    begin(context) {
      const startedMs = clock.monotonic();
      return (error) => {
        if (error?.code !== 'INTERNAL' && !context.log.isLevelEnabled('debug')) return;
        const line = {
          method: context.method,
          request: context.requestId,
          ms: Math.round((clock.monotonic() - startedMs) * 10) / 10,
        };
        if (!error) context.log.debug(line, 'answered');
        else if (error.code === 'INTERNAL')
          context.log.error({ ...line, ...error.facts, err: error.cause }, error.message);
        else context.log.debug({ ...line, code: error.code }, error.message);
      };
    },
  };
}
