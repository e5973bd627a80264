/** Why a run came to no backup, with what each reason means to whoever has to mend it. */
export const failureReasons = {
  ConfigurationInvalid: 'The program was started with a setting that it can not use',
  KeyMissing: 'The encryption key is not in its folder, or is not 32 bytes in base64',
  DatabaseUnreachable: 'The database does not answer, or refuses the login',
  GrantMissing: 'The account lacks a privilege, so that a dump would lack objects without an error',
  SchemaLocked: 'Another backup or a migration holds the schema lock',
  SchemaChanged: 'The schema was changed while it was being dumped',
  DumpFailed: 'mysqldump ended with an error or was killed',
  DumpIncomplete: 'The stream ended early, or lacks an object that the catalogue lists',
  ClientMismatch: 'mysqldump is of another major version than the server',
  VerificationFailed: 'What was encrypted does not decode to what was dumped',
  BucketMissing: 'The bucket does not exist',
  CredentialsRefused: 'The storage refuses the credentials',
  StorageFull: 'The storage has no room left',
  StorageUnreachable: 'The storage does not answer, or breaks the connection',
  StorageRefused: 'The storage refuses a request',
  Interrupted: 'The run was told to end',
} as const;

export type FailureReason = keyof typeof failureReasons;

/** A run came to no backup. The message names what it failed on and holds no secret value. */
export class BackupFailure extends Error {
  override readonly name = 'BackupFailure';
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, {cause});
    this.reason = reason;
  }
}
