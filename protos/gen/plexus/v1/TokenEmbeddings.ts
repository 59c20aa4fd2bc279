// Original file: protos/plexus/v1/embed.proto


export interface TokenEmbeddings {
  'ids'?: (number)[];
  'tokens'?: (string)[];
  'utf16Start'?: (number)[];
  'utf16End'?: (number)[];
  'byteStart'?: (number)[];
  'byteEnd'?: (number)[];
  'values'?: (number | string)[];
  'base64'?: (string);
  'int8'?: (Buffer | Uint8Array | string);
  'binary'?: (Buffer | Uint8Array | string);
  'scales'?: (number | string)[];
  'truncated'?: (boolean);
}

export interface TokenEmbeddings__Output {
  'ids': (number)[];
  'tokens': (string)[];
  'utf16Start': (number)[];
  'utf16End': (number)[];
  'byteStart': (number)[];
  'byteEnd': (number)[];
  'values': (number)[];
  'base64': (string);
  'int8': (Buffer);
  'binary': (Buffer);
  'scales': (number)[];
  'truncated': (boolean);
}
