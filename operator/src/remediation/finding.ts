import type {ExplainedSignal} from '../api/v1alpha1/index.ts';

/** Whether a verdict holds, and why (not). */
export interface Finding {
  readonly holds: boolean;
  readonly reason: string;
  readonly signals?: readonly ExplainedSignal[];
}

/** A verdict that doesn't hold. */
export function no(reason: string): Finding {
  return {holds: false, reason};
}

/** A verdict that holds. */
export function yes(reason: string, signals: readonly ExplainedSignal[]): Finding {
  return {holds: true, reason, signals};
}
