import * as z from 'zod';

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
  DiskFull: 'The folder that the two containers of the run share has no room left',
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

/** Why a run came to no backup though its program couldn't say so: what the cluster did to its pod. */
export const lostRunReasons = {
  Evicted: "The node evicted the backup's pod",
  OutOfMemory: "A container of the backup's pod reached its memory limit and was killed",
  DeadlineExceeded: 'The run took longer than six hours',
  RunFailed: 'The run ended without saying why',
  RunLost: 'The Job or its pod was removed before its result was read',
} as const;

/** Every reason for which there is no backup. */
export const runFailureReasons = {...failureReasons, ...lostRunReasons} as const;
export type RunFailureReason = keyof typeof runFailureReasons;

const time = z.iso.datetime();
const size = z.int().min(0);

/** What the program tells in its termination message, which has room for 4096 bytes. */
export const runResult = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('Succeeded'),
    id: z.string().max(64),
    startedAt: time,
    finishedAt: time,
    manifestKey: z.string().max(1024),
    keyId: z.string().max(253),
    bytes: size,
    dumpBytes: size,
    tables: size,
    rows: size,
  }),
  z.object({
    outcome: z.literal('Failed'),
    reason: z.enum(Object.keys(failureReasons) as [FailureReason, ...FailureReason[]]),
    message: z.string().max(1024),
  }),
]);
export type RunResult = z.output<typeof runResult>;
