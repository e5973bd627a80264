import {DatabaseUnavailableError} from './errors.ts';

/**
 * Waits for work on a connection for a bounded time. mysql2's own time-out covers the execution of a statement but not
 * its preparation, and nothing covers a server that went away without a word.
 *
 * @throws {DatabaseUnavailableError} when the time is over; the caller must then destroy the connection.
 */
export async function withDeadline<T>(work: Promise<T>, milliseconds: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(noAnswer(milliseconds, what));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error of a time that is over. */
export function noAnswer(milliseconds: number, what: string): DatabaseUnavailableError {
  return new DatabaseUnavailableError(`No answer from the database within ${milliseconds} ms, ${what}`);
}
