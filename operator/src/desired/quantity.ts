/**
 * Kubernetes quantities, without their library: the API server stores most of them in one canonical spelling ("0.1"
 * becomes "100m") and keeps a canonical one as it is. What is applied must be in it, or it would seem to differ for ever.
 * Source: "Quantity" in the Kubernetes API reference, and apimachinery's pkg/api/resource.
 */

/** A string that is no quantity. The schema of the CRD keeps such a one out. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

type Format = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

interface Parsed {
  /** Value in thousandths, the finest that lists of resources keep. */
  readonly milli: bigint;
  readonly format: Format;
}

const MILLI = 1000n;
const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

/** Value of `sign digits.fraction × factor / divisor` in thousandths, rounded away from zero as Kubernetes does. */
function scale(digits: string, fraction: string, factor: bigint, divisor: bigint): bigint {
  const numerator = BigInt(`${digits}${fraction}`) * factor * MILLI;
  const denominator = divisor * 10n ** BigInt(fraction.length);
  return (numerator + denominator - 1n) / denominator;
}

function parse(quantity: string | number): Parsed {
  const match = SHAPE.exec(String(quantity).trim());
  const [, sign = '', digits = '', fraction = '', suffix = ''] = match ?? [];
  if (match === null || digits + fraction === '') throw new QuantityError('Not a quantity of Kubernetes');
  const magnitude = (factor: bigint, divisor: bigint): bigint => {
    const value = scale(digits, fraction, factor, divisor);
    return sign === '-' ? -value : value;
  };
  const binary = BINARY_SUFFIXES.indexOf(suffix);
  if (binary > 0) return {milli: magnitude(1024n ** BigInt(binary), 1n), format: 'BinarySI'};
  const decimal = DECIMAL_SUFFIXES[suffix];
  const exponent = decimal ?? Number(suffix.slice(1));
  const power = 10n ** BigInt(Math.abs(exponent));
  return {
    milli: exponent < 0 ? magnitude(1n, power) : magnitude(power, 1n),
    format: decimal === undefined ? 'DecimalExponent' : 'DecimalSI',
  };
}

/** Mantissa and power of `base` after every factor of `base` was taken out, at most `limit` times. */
function reduce(value: bigint, base: bigint, limit: number): {mantissa: bigint; power: number} {
  let mantissa = value;
  let power = 0;
  while (power < limit && mantissa % base === 0n) {
    mantissa /= base;
    power += 1;
  }
  return {mantissa, power};
}

function canonicalDecimal(milli: bigint, format: Format): string {
  const {mantissa, power} = reduce(milli, 1000n, 7);
  const exponent = power * 3 - 3;
  if (format === 'DecimalExponent') return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`;
  const suffix = Object.entries(DECIMAL_SUFFIXES).find(([, value]) => value === exponent)?.[0] ?? '';
  return `${mantissa}${suffix}`;
}

/**
 * A quantity in the spelling that the API server keeps as it is.
 *
 * @throws QuantityError when it is none
 */
export function canonicalQuantity(quantity: string | number): string {
  const {milli, format} = parse(quantity);
  if (milli === 0n) return '0';
  const whole = milli / MILLI;
  const small = whole > -1024n && whole < 1024n;
  if (format === 'BinarySI' && !small && milli % MILLI === 0n) {
    const {mantissa, power} = reduce(whole, 1024n, 6);
    return `${mantissa}${BINARY_SUFFIXES[power] ?? ''}`;
  }
  return canonicalDecimal(milli, format === 'BinarySI' ? 'DecimalSI' : format);
}

/**
 * Value of a quantity in its unit (bytes for memory), rounded up to a whole number.
 *
 * @throws QuantityError when it is none
 */
export function quantityValue(quantity: string | number): number {
  const {milli} = parse(quantity);
  return Number((milli + MILLI - 1n) / MILLI);
}

/**
 * Value of a quantity in thousandths of its unit (millicores for CPU).
 *
 * @throws QuantityError when it is none
 */
export function milliValue(quantity: string | number): number {
  return Number(parse(quantity).milli);
}
