import type {FailureReason} from '../api/v1alpha1/backup-run.ts';

/** A run came to no backup. The message names what it failed on and holds no secret value. */
export class BackupFailure extends Error {
  override readonly name = 'BackupFailure';
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, {cause});
    this.reason = reason;
  }
}
