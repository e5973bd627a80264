/** What a reconcile came to. Errors are values here; a thrown exception is taken as `retry`. */
export type Outcome =
  /** Nothing more to do until something changes. */
  | {readonly kind: 'done'}
  /** Look again after `afterMs`, also without a change. */
  | {readonly kind: 'wait'; readonly afterMs: number; readonly reason: string}
  /** It failed and may succeed later: back off per key, or exactly `afterMs` if given. */
  | {readonly kind: 'retry'; readonly error: unknown; readonly afterMs?: number}
  /** It failed and only a change by someone can help. */
  | {readonly kind: 'terminal'; readonly reason: string; readonly message: string};

/** Nothing more to do. */
export const done: Outcome = {kind: 'done'};

/** Look again after `afterMs` milliseconds; `reason` says what for. */
export function wait(afterMs: number, reason: string): Outcome {
  return {kind: 'wait', afterMs, reason};
}

/** It failed: back off, or try again after exactly `afterMs` milliseconds. */
export function retry(error: unknown, afterMs?: number): Outcome {
  return afterMs === undefined ? {kind: 'retry', error} : {kind: 'retry', error, afterMs};
}

/** It failed for good; `reason` in CamelCase. */
export function terminal(reason: string, message: string): Outcome {
  return {kind: 'terminal', reason, message};
}
