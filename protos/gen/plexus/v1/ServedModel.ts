// Original file: protos/plexus/v1/common.proto


export interface ServedModel {
  'name'?: (string);
  'version'?: (string);
  'digest'?: (string);
  'instance'?: (string);
}

export interface ServedModel__Output {
  'name': (string);
  'version': (string);
  'digest': (string);
  'instance': (string);
}
