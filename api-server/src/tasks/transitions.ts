import type {TaskStatus} from './schema.ts';

/**
 * Which status may follow which. Work may be done or dropped without having been begun, and what has ended is opened
 * again before it goes on, so that a history shows why a finished task was worked on.
 */
const TRANSITIONS: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  open: ['in_progress', 'done', 'cancelled'],
  in_progress: ['open', 'done', 'cancelled'],
  done: ['open'],
  cancelled: ['open'],
};

/** The statuses that may follow a status. To stay is no transition and always allowed. */
export function allowedAfter(status: TaskStatus): readonly TaskStatus[] {
  return TRANSITIONS[status];
}
