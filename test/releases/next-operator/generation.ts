import {join} from 'node:path';

/** The annotation that tells which generation of templates a pod was made from. */
export const GENERATION = 'example.com/generation';

const released = join(import.meta.dirname, '../../../operator/src/desired/templates.ts');
const next = join(import.meta.dirname, 'templates.ts');

/** The module that a next operator imports in place of another; undefined: that one. */
export function inPlaceOf(module: string, importer: string): string | undefined {
  return module === released && importer !== next ? next : undefined;
}
