import {compare} from '../slo/index.ts';
import type {Assessment} from './assessment.ts';
import {count, percent, seconds} from './text.ts';

/** How new pods compare with the old ones over the same time. */
export interface Contrast {
  readonly result: 'Worse' | 'Alike' | 'Undetermined';
  readonly reason: string;
}

/**
 * Compares the pods of what is served with all others, in the objectives that it breaches, over the time in which both
 * served: what hits both is in both.
 *
 * @param a the assessment
 */
export function contrast(a: Assessment): Contrast {
  const {overlap} = a.o;
  if (overlap === undefined || overlap.revision !== a.serve) {
    return {result: 'Undetermined', reason: 'no old pod served beside the new ones in the last minute'};
  }
  const compared = a.breaches.map(({objective}): Contrast => {
    const [young, old] = [objective.count(overlap.young), objective.count(overlap.old)];
    return {
      result: compare(young, old),
      reason:
        `${objective.name} in the same ${seconds(overlap.young.to - overlap.young.from)}: ` +
        `${share(young)} at new pods, ${share(old)} at old ones`,
    };
  });
  return (
    compared.find(({result}) => result === 'Worse') ??
    compared.find(({result}) => result === 'Alike') ?? {
      result: 'Undetermined',
      reason: 'too little was measured of the old pods beside the new ones',
    }
  );
}

function share({bad, of}: {readonly bad: number; readonly of: number}): string {
  return `${of === 0 ? '0%' : percent(bad / of)} (${count(bad)} of ${count(of)})`;
}
