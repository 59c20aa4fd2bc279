// GPT-2's alphabet: every byte written as one printable character, so that any text is a string of known symbols.

/** The character for each byte. */
export const byteToChar: readonly string[] = makeAlphabet();

/** The byte for each character of the alphabet, by code unit; -1 for others. All lie below 0x144. */
export const charToByte: Int16Array = (() => {
  const table = new Int16Array(0x144).fill(-1);
  byteToChar.forEach((c, byte) => {
    table[c.charCodeAt(0)] = byte;
  });
  return table;
})();

function makeAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : next++);
  });
}
