// Original file: protos/plexus/v1/summarize.proto

import type { EarlyStopping as _plexus_v1_EarlyStopping, EarlyStopping__Output as _plexus_v1_EarlyStopping__Output } from '../../plexus/v1/EarlyStopping.js';

export interface GenerationParameters {
  'maxLength'?: (number);
  'maxNewTokens'?: (number);
  'minLength'?: (number);
  'minNewTokens'?: (number);
  'numBeams'?: (number);
  'numReturnSequences'?: (number);
  'lengthPenalty'?: (number | string);
  'earlyStopping'?: (_plexus_v1_EarlyStopping);
  'noRepeatNgramSize'?: (number);
  'encoderNoRepeatNgramSize'?: (number);
  'repetitionPenalty'?: (number | string);
  'doSample'?: (boolean);
  'temperature'?: (number | string);
  'topK'?: (number);
  'topP'?: (number | string);
  'minP'?: (number | string);
  'typicalP'?: (number | string);
  'seed'?: (number);
  'stop'?: (string)[];
  'returnLogprobs'?: (boolean);
  '_maxLength'?: "maxLength";
  '_maxNewTokens'?: "maxNewTokens";
  '_minLength'?: "minLength";
  '_minNewTokens'?: "minNewTokens";
  '_numBeams'?: "numBeams";
  '_numReturnSequences'?: "numReturnSequences";
  '_lengthPenalty'?: "lengthPenalty";
  '_noRepeatNgramSize'?: "noRepeatNgramSize";
  '_encoderNoRepeatNgramSize'?: "encoderNoRepeatNgramSize";
  '_repetitionPenalty'?: "repetitionPenalty";
  '_doSample'?: "doSample";
  '_temperature'?: "temperature";
  '_topK'?: "topK";
  '_topP'?: "topP";
  '_minP'?: "minP";
  '_typicalP'?: "typicalP";
  '_seed'?: "seed";
}

export interface GenerationParameters__Output {
  'maxLength'?: (number);
  'maxNewTokens'?: (number);
  'minLength'?: (number);
  'minNewTokens'?: (number);
  'numBeams'?: (number);
  'numReturnSequences'?: (number);
  'lengthPenalty'?: (number);
  'earlyStopping': (_plexus_v1_EarlyStopping__Output);
  'noRepeatNgramSize'?: (number);
  'encoderNoRepeatNgramSize'?: (number);
  'repetitionPenalty'?: (number);
  'doSample'?: (boolean);
  'temperature'?: (number);
  'topK'?: (number);
  'topP'?: (number);
  'minP'?: (number);
  'typicalP'?: (number);
  'seed'?: (number);
  'stop': (string)[];
  'returnLogprobs': (boolean);
  '_maxLength'?: "maxLength";
  '_maxNewTokens'?: "maxNewTokens";
  '_minLength'?: "minLength";
  '_minNewTokens'?: "minNewTokens";
  '_numBeams'?: "numBeams";
  '_numReturnSequences'?: "numReturnSequences";
  '_lengthPenalty'?: "lengthPenalty";
  '_noRepeatNgramSize'?: "noRepeatNgramSize";
  '_encoderNoRepeatNgramSize'?: "encoderNoRepeatNgramSize";
  '_repetitionPenalty'?: "repetitionPenalty";
  '_doSample'?: "doSample";
  '_temperature'?: "temperature";
  '_topK'?: "topK";
  '_topP'?: "topP";
  '_minP'?: "minP";
  '_typicalP'?: "typicalP";
  '_seed'?: "seed";
}
