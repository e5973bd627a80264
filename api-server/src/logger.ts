import {pino, type Logger} from 'pino';
import type {LogLevel} from './config.ts';

export type {Logger};

/** Fields whose values never reach a log, wherever an object that has them is logged. */
const SECRET_FIELDS = ['authorization', 'password', 'passwd', 'token', 'cookie'];

/**
 * The process's log: a JSON object a line, to standard output, written synchronously: a transport would need a thread, and
 * what a dying process has to say must not be lost.
 */
export function createLogger(level: LogLevel, destination?: {write(line: string): void}): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`]);
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: {level: (label: string) => ({level: label})},
    redact: {paths, censor: '[redacted]'},
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
