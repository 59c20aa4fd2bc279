/** Thrown when a tokenizer file asks for something we do not have, or when a text cannot be encoded as asked. */
export class TokenizerError extends Error {
  override readonly name = 'TokenizerError';
}
