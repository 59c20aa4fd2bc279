// Original file: protos/plexus/v1/embed.proto


export interface Embedding {
  'values'?: (number | string)[];
  'base64'?: (string);
  'int8'?: (Buffer | Uint8Array | string);
  'binary'?: (Buffer | Uint8Array | string);
  'scale'?: (number | string);
  'tokens'?: (number);
  'truncated'?: (boolean);
}

export interface Embedding__Output {
  'values': (number)[];
  'base64': (string);
  'int8': (Buffer);
  'binary': (Buffer);
  'scale': (number);
  'tokens': (number);
  'truncated': (boolean);
}
