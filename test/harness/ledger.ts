/** One request as the load client saw it (test/load/load.ts). */
export interface LedgerEntry {
  /** When it was sent: the client's wall clock, milliseconds. */
  readonly t: number;
  /** HTTP status; 0 = none (refused, reset, timed out). */
  readonly s: number;
  readonly e?: string;
  readonly ms: number;
  readonly m: 'GET' | 'POST';
  /** Task that was acknowledged. */
  readonly id?: string;
}

/** Reads a ledger; lines that are cut off at the end of a log are left out. */
export function parseLedger(text: string): LedgerEntry[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LedgerEntry);
}

/** Answers that are the service's fault: 5xx, and no answer at all. */
export const isBad = (entry: LedgerEntry): boolean => entry.s === 0 || entry.s >= 500;

/** Connections refused, reset or timed out. */
export const isBroken = (entry: LedgerEntry): boolean => entry.s === 0;
