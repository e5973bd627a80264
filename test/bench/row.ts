import type {Bench} from './bench.ts';

/** A figure as it was found. */
export interface Measured {
  /** For the table: the value with its unit, and what it stands on. */
  readonly text: string;
  /** Whether it meets the goal; undefined: it wasn't measured, and the text says why. */
  readonly isMet: boolean | undefined;
  /** What explains it, for below the table: a line each. */
  readonly notes?: readonly string[];
}

/** One figure and its goal. */
export interface Row {
  /** By which it is chosen on the command line. */
  readonly name: string;
  readonly title: string;
  readonly goal: string;
  /** Measures it, with what the bench has running. */
  readonly measure: (bench: Bench) => Promise<Measured>;
}

/** How measuring a row ended. */
export interface Result {
  readonly row: Pick<Row, 'name' | 'title' | 'goal'>;
  /** An Error when it could not be measured. */
  readonly outcome: Measured | Error;
}
