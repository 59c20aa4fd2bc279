// Scores of Unigram models, to the last bit.

/**
 * A score as the library reads it: its JSON reader takes the digits as an integer and divides, which can be off by the
 * last bit, and decides between cuts of equal score. Only numbers with so many digits are concerned.
 */
export function scoreAsRead(score: number): number {
  const text = String(score);
  if (text.length < 17) return score;
  // Seventeen digits as two halves, whose sum rounds once, as an integer of 64 bits does when it becomes a double.
  let high = 0;
  let low = 0;
  let digits = 0;
  let exponent = 0;
  let point = -1;
  let i = score < 0 ? 1 : 0;
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x2e) {
      point = i;
      continue;
    }
    if (unit === 0x65) {
      exponent = Number(text.slice(i + 1));
      break;
    }
    if (digits < 9) high = high * 10 + unit - 0x30;
    else low = low * 10 + unit - 0x30;
    if (high > 0) digits++;
  }
  if (point >= 0) exponent -= i - point - 1;
  const whole = digits > 9 ? high * powerOfTen(digits - 9) + low : high;
  const power = powerOfTen(Math.abs(exponent));
  const size = exponent < 0 ? whole / power : whole * power;
  return score < 0 ? -size : size;
}

const POWERS = Array.from({ length: 32 }, (_, k) => Number(`1e${k}`));

/** The double nearest to 10 to the power of `exponent`, which must not be negative. */
export function powerOfTen(exponent: number): number {
  return POWERS[exponent] ?? Number(`1e${exponent}`);
}
