import {destination, levels, pino, type Logger} from 'pino';
import type {LogLevel} from './config.ts';
import {isoTime} from './iso-time.ts';

export type {Logger};

/** Fields whose values never reach a log, wherever an object that has them is logged. */
const SECRET_FIELDS = ['authorization', 'password', 'passwd', 'token', 'cookie'];

const FORMAT = {
  base: null,
  timestamp: () => `,"time":"${isoTime(new Date())}"`,
  formatters: {level: (label: string) => ({level: label})},
} as const;

/** Lines about requests are written together, by so many bytes or after this time: a write each would cost a tenth of a request. */
const REQUEST_LOG_BYTES = 8 * 1024;
const REQUEST_LOG_MS = 250;

/**
 * The process's log: a JSON object a line, to standard output, written synchronously: a transport would need a thread, and
 * what a dying process has to say must not be lost.
 */
export function createLogger(level: LogLevel, output?: Output): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`]);
  const options = {...FORMAT, level, redact: {paths, censor: '[redacted]'}};
  return output === undefined ? pino(options) : pino(options, output);
}

interface Output {
  write(line: string): void;
}

/** Where requests are written down. */
export interface RequestLog {
  /** @param fields - at least one, of which none may be called `level`, `time` or `msg` */
  info(fields: object, message: string): void;
}

/**
 * The log of requests, a line each, in the same form and to the same place. Its fields are a closed set without secrets,
 * so nothing is searched for them; a process that is killed without warning loses the lines of its last quarter of a second.
 */
export function createRequestLog(level: LogLevel, output: Output = bufferedOutput()): RequestLog {
  const isHeard = (levels.values[level] ?? Infinity) <= (levels.values['info'] ?? 0);
  return {
    // Written here, since pino's way to the same line costs thrice as much.
    info: (fields, msg) => {
      if (!isHeard) return;
      const inner = JSON.stringify(fields).slice(1, -1);
      output.write(`{"level":"info","time":"${isoTime(new Date())}",${inner},"msg":${JSON.stringify(msg)}}\n`);
    },
  };
}

function bufferedOutput(): Output {
  const output = destination({dest: 1, sync: true, minLength: REQUEST_LOG_BYTES, periodicFlush: REQUEST_LOG_MS});
  process.once('exit', () => output.flushSync());
  return {write: (line) => void output.write(line)};
}
