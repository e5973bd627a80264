import type {Logger} from '../logger.ts';

/** One line of a {@link RecordingLogger}. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** Keeps what is logged, so that a test can say what must have been said, or that nothing was. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({level: 'debug', fields, message});
  }

  info(fields: object, message: string): void {
    this.lines.push({level: 'info', fields, message});
  }

  warn(fields: object, message: string): void {
    this.lines.push({level: 'warn', fields, message});
  }

  error(fields: object, message: string): void {
    this.lines.push({level: 'error', fields, message});
  }

  /** Messages of a level, in order. */
  messages(level: LogLine['level']): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }
}
