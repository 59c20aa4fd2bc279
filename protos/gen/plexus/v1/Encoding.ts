// Original file: protos/plexus/v1/tokenize.proto

import type { Encoding as _plexus_v1_Encoding, Encoding__Output as _plexus_v1_Encoding__Output } from '../../plexus/v1/Encoding.js';

export interface Encoding {
  'ids'?: (number)[];
  'tokens'?: (string)[];
  'typeIds'?: (number)[];
  'utf16Start'?: (number)[];
  'utf16End'?: (number)[];
  'byteStart'?: (number)[];
  'byteEnd'?: (number)[];
  'specialTokensMask'?: (boolean)[];
  'wordIds'?: (number)[];
  'sequenceIds'?: (number)[];
  'overflowing'?: (_plexus_v1_Encoding)[];
}

export interface Encoding__Output {
  'ids': (number)[];
  'tokens': (string)[];
  'typeIds': (number)[];
  'utf16Start': (number)[];
  'utf16End': (number)[];
  'byteStart': (number)[];
  'byteEnd': (number)[];
  'specialTokensMask': (boolean)[];
  'wordIds': (number)[];
  'sequenceIds': (number)[];
  'overflowing': (_plexus_v1_Encoding__Output)[];
}
