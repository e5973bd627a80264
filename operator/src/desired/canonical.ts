import {createHash} from 'node:crypto';
import type {ResourceRequirements} from '../api/v1alpha1/index.ts';
import {canonicalQuantity} from './quantity.ts';

type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json | undefined};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON that is the same for the same value: keys in order, undefined members left out. */
export function canonicalJson(value: unknown): string {
  const sorted = (part: unknown): Json | undefined => {
    if (Array.isArray(part)) return part.map((item) => sorted(item) ?? null);
    if (!isObject(part)) return part as Json | undefined;
    return Object.fromEntries(
      Object.keys(part)
        .sort()
        .map((key) => [key, sorted(part[key])]),
    );
  };
  return JSON.stringify(sorted(value));
}

/** SHA-256 of the canonical JSON, as lower-case hexadecimal digits. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** A list or map, or undefined where it is empty: the API server doesn't store empty ones. */
export function unlessEmpty<T extends readonly unknown[] | Readonly<Record<string, unknown>>>(
  value: T | undefined,
): T | undefined {
  return value === undefined || Object.keys(value).length === 0 ? undefined : value;
}

/** Resources with quantities as the API server spells them, without empty groups. */
export function canonicalResources(resources: ResourceRequirements): {
  requests?: Record<string, string>;
  limits?: Record<string, string>;
} {
  const group = (quantities: ResourceRequirements['limits']): Record<string, string> | undefined =>
    unlessEmpty(
      Object.fromEntries(
        Object.entries(quantities ?? {}).flatMap(([name, quantity]) =>
          quantity === undefined ? [] : [[name, canonicalQuantity(quantity)]],
        ),
      ),
    );
  const requests = group(resources.requests);
  const limits = group(resources.limits);
  return {...(requests && {requests}), ...(limits && {limits})};
}
