/** plexus.v1.Tokenize: Encode, Decode, Count, Chunk. */
import type { CallContext } from '../../chassis/call.js';
import type { Clock } from '../../chassis/clock.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { type Hub, utf8Offsets } from '../../inference/index.js';
import type { TokenizeHandlers } from '../../protos/gen/plexus/v1/Tokenize.js';
import { type Answered, answer, NO_WORK, withModel } from '../answer.js';
import { inTurns } from '../in-turns.js';
import {
  checkChunk,
  checkCount,
  checkDecode,
  checkEncode,
  resolveChunk,
  resolveDecode,
  resolveEncode,
} from './check.js';
import { asEncodeResponse, encodingPieces, tokenizeCodecs } from './codec.js';
import type { TokenizeModel } from './model.js';

export interface TokenizeDeps {
  hub: Hub<TokenizeModel>;
  instance: string;
  clock: Clock;
}

export function createTokenizeService(deps: TokenizeDeps): ServiceBinding {
  const { hub, clock } = deps;

  /** The common fields; all the time of this service is tokenizing. */
  function answered(
    context: CallContext,
    model: TokenizeModel,
    startedMs: number,
    texts: number,
    inputTokens: number,
  ): Answered {
    model.answered(texts, inputTokens);
    const work = { ...NO_WORK, tokenizeMs: clock.monotonic() - startedMs };
    return answer(deps, context, model.manifest, startedMs, { texts, inputTokens }, work);
  }

  return implement<TokenizeHandlers>(
    'plexus.v1.Tokenize',
    {
      async Encode(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkEncode(request);
        return withModel(hub, request.model, async (model) => {
          await resolveEncode(asked, model, context.signal);
          const found = await model.texts.encode(asked.inputs, asked.options, context.signal);
          const encodings: Buffer[][] = [];
          for (const encoding of found) encodings.push(await inTurns(encodingPieces(encoding), clock, context.signal));
          const tokens = found.reduce((sum, { ids }) => sum + ids.length, 0);
          return asEncodeResponse({
            ...answered(context, model, startedMs, asked.inputs.length, tokens),
            encodings,
          });
        });
      },

      async Decode(request, context) {
        const startedMs = clock.monotonic();
        const { sequences, skipSpecialTokens } = checkDecode(request);
        return withModel(hub, request.model, async (model) => {
          resolveDecode(sequences, model);
          const texts = await model.texts.decode(sequences, skipSpecialTokens, context.signal);
          const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
          return { ...answered(context, model, startedMs, sequences.length, tokens), texts };
        });
      },

      async Count(request, context) {
        const startedMs = clock.monotonic();
        const { texts, addSpecialTokens } = checkCount(request);
        return withModel(hub, request.model, async (model) => {
          const counts = await model.texts.count(texts, addSpecialTokens, context.signal);
          const tokens = counts.reduce((sum, count) => sum + count, 0);
          return { ...answered(context, model, startedMs, texts.length, tokens), counts };
        });
      },

      async Chunk(request, context) {
        const startedMs = clock.monotonic();
        const asked = checkChunk(request);
        return withModel(hub, request.model, async (model) => {
          const { text } = asked;
          const options = await resolveChunk(asked, model, context.signal);
          const found = await model.texts.chunk(text, options, context.signal);
          const specials = model.tokenizer.specialTokenCount();
          const bytes = utf8Offsets(text, Uint32Array.from(found.flatMap(({ start, end }) => [start, end])));
          const chunks = found.map(({ start, end, tokens }, index) => ({
            text: text.slice(start, end),
            tokens: tokens - specials,
            utf16Start: start,
            utf16End: end,
            byteStart: bytes[index * 2] as number,
            byteEnd: bytes[index * 2 + 1] as number,
          }));
          const tokens = chunks.reduce((sum, each) => sum + each.tokens, 0);
          return { ...answered(context, model, startedMs, 1, tokens), chunks };
        });
      },
    },
    { codecs: tokenizeCodecs },
  );
}
