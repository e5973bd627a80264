import {describe, expect, test} from '@jest/globals';
import * as fc from 'fast-check';
import {canonicalQuantity, QuantityError, quantityValue} from './quantity.ts';

// That a real API server keeps these is tested in test/integration/desired.
describe('canonicalQuantity', () => {
  test.each([
    ['0.1', '100m'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1.5', '1500m'],
    [1, '1'],
    [2000, '2k'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['0.1Gi', '107374182400m'],
    ['268435456', '268435456'],
    ['128e6', '128e6'],
    ['1E3', '1e3'],
    ['1E', '1E'],
    ['1000000M', '1T'],
    ['5e-1', '500e-3'],
    ['.5', '500m'],
    ['5.', '5'],
    ['+3', '3'],
    ['0.0', '0'],
    ['0Mi', '0'],
    ['0.0000000001', '1m'],
    ['1234567n', '2m'],
    ['1.500', '1500m'],
    ['1000Ei', '1000Ei'],
    ['-0.5', '-500m'],
  ])('%s becomes %s', (given, stored) => {
    expect(canonicalQuantity(given)).toBe(stored);
  });

  test.each(['', '.', 'Mi', '1 Gi', '1KiB', '1e', 'e3', '0x10', '--1'])('%j is refused', (given) => {
    expect(() => canonicalQuantity(given)).toThrow(QuantityError);
  });

  test('keeps what it made, and its value', () => {
    const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3');
    fc.assert(
      fc.property(fc.integer({min: 0, max: 1_000_000}), fc.integer({min: 0, max: 999}), suffix, (whole, part, unit) => {
        const given = `${whole}.${part}${unit}`;
        const stored = canonicalQuantity(given);
        expect(canonicalQuantity(stored)).toBe(stored);
        expect(quantityValue(stored)).toBe(quantityValue(given));
        expect(stored).not.toContain('.');
      }),
    );
  });
});

describe('quantityValue', () => {
  test.each([
    ['512Mi', 536870912],
    ['1G', 1e9],
    ['1500m', 2],
    [7, 7],
  ])('%s is %d', (given, value) => {
    expect(quantityValue(given)).toBe(value);
  });
});
