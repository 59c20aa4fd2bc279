// Original file: protos/plexus/v1/classify.proto


export interface LabelScore {
  'label'?: (string);
  'score'?: (number | string);
}

export interface LabelScore__Output {
  'label': (string);
  'score': (number);
}
