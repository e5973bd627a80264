import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {FAULTS, faultTable, type FaultRow, type FaultTable} from '../../hack/generate/faults-page.ts';

const root = join(import.meta.dirname, '../..');
/** Set where a run is to fill the table instead of being held against it. */
const RECORD = 'RECORD_FAULTS';

/**
 * A message without what differs from run to run: times, generated names, numbers.
 *
 * @param message - of a condition
 */
export function normalised(message: string): string {
  return (
    message
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '…')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…')
      .replaceAll(/(-[bcdfghjklmnpqrstvwxz2456789]{5,10})+\b/g, '-…')
      .replaceAll(/\b[0-9a-f]{8,64}\b/g, '…')
      // How a connection broke is a matter of moments.
      .replaceAll(/\bE[A-Z]{4,}\b/g, '…')
      .replaceAll(/\d+(\.\d+)?/g, '…')
  );
}

/** What a committed row and a seen one must have in common. */
const comparable = ({cause, condition, reason, message, cure}: FaultRow): string =>
  JSON.stringify({cause, condition, reason, message: normalised(message), cure}, null, 2);

/**
 * One committed table of docs/reference/faults.md, which a test holds what it sees against. With RECORD_FAULTS=1 it is
 * written anew, and `npm run generate` makes the page.
 */
export class FaultRecord {
  readonly #path: string;
  readonly #about: Omit<FaultTable, 'rows'>;
  readonly #causes: readonly string[];
  readonly #recorded = new Map<string, FaultRow>();
  readonly #records: boolean;

  /**
   * @param name - of its file
   * @param about - what the page says of it
   * @param causes - the faults that the test injects, in the page's order
   */
  constructor(
    name: string,
    about: Omit<FaultTable, 'rows'>,
    causes: readonly string[],
    {records = process.env[RECORD] === '1', folder = join(root, FAULTS)} = {},
  ) {
    this.#path = join(folder, `${name}.json`);
    this.#about = about;
    this.#causes = causes;
    this.#records = records;
  }

  /**
   * Holds what was seen of a fault against its row, or records it.
   *
   * @throws Error that shows both
   */
  hold(seen: FaultRow): void {
    if (this.#records) {
      this.#recorded.set(seen.cause, seen);
      this.#write();
      return;
    }
    const row = this.#read().rows.find(({cause}) => cause === seen.cause);
    const [said, is] = [row === undefined ? 'nothing' : comparable(row), comparable(seen)];
    if (said !== is)
      throw new Error(
        `${this.#path} says of "${seen.cause}": ${said}\nSeen: ${is}\n${RECORD}=1 records what is seen; then npm run generate`,
      );
  }

  /**
   * Holds that the table has a row for every fault, and none that nobody injects.
   *
   * @throws Error that names both
   */
  holdWhole(): void {
    if (this.#records) return;
    const {rows, ...about} = this.#read();
    const said = JSON.stringify([about, rows.map(({cause}) => cause)]);
    const injected = JSON.stringify([this.#about, this.#causes]);
    if (said !== injected) throw new Error(`${this.#path} has ${said}\nInjected: ${injected}`);
  }

  #read(): FaultTable {
    return faultTable.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
  }

  #write(): void {
    const rows = this.#causes.flatMap((cause) => this.#recorded.get(cause) ?? []);
    writeFileSync(this.#path, `${JSON.stringify({...this.#about, rows}, null, 2)}\n`);
  }
}
