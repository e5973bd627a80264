import type {Checkpoint, CheckpointPod} from './types.ts';

/** The text is not a checkpoint of this version: counting begins anew, and `coverage` says so. */
export class InvalidCheckpointError extends Error {
  override readonly name = 'InvalidCheckpointError';
}

/**
 * Reads what JSON.stringify made of a {@link Checkpoint}.
 *
 * @param text JSON
 * @throws {InvalidCheckpointError} if it is anything else
 */
export function parseCheckpoint(text: string): Checkpoint {
  const value = parse(text);
  if (!isRecord(value)) throw new InvalidCheckpointError('a checkpoint must be an object');
  if (value['version'] !== 1) throw new InvalidCheckpointError('a checkpoint must have version 1');
  const {time, coveredUntil, hours, pods} = value;
  if (!isCount(time) || !isCount(coveredUntil))
    throw new InvalidCheckpointError('time and coveredUntil must be numbers');
  if (!Array.isArray(hours) || !hours.every(isHour)) {
    throw new InvalidCheckpointError('hours must be rows of seven numbers');
  }
  if (!Array.isArray(pods) || !pods.every(isPod)) throw new InvalidCheckpointError('pods must hold counters');
  return {version: 1, time, coveredUntil, hours, pods};
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidCheckpointError('a checkpoint must be JSON', {cause});
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function isHour(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length === 7 && value.every(isCount);
}

function isPod(value: unknown): value is CheckpointPod {
  return (
    isRecord(value) &&
    typeof value['uid'] === 'string' &&
    typeof value['revision'] === 'string' &&
    isCount(value['time']) &&
    isCount(value['latencyThresholdMs']) &&
    Array.isArray(value['counters']) &&
    value['counters'].length === 4 &&
    value['counters'].every(isCount)
  );
}
