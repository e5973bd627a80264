import {describe, expect, test} from '@jest/globals';
import {createLogger, createRequestLog} from './logger.ts';
import {withLateChildren} from './request-logger.ts';

const FIELDS = {requestId: 'r-"1"', path: '/tasks/\n', status: 200, milliseconds: 3, principal: undefined};
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function linesOf(write: (output: {write(line: string): void}) => void): string[] {
  const lines: string[] = [];
  write({write: (line) => void lines.push(line)});
  return lines;
}

function parsed(line: string | undefined): {time: string} {
  return JSON.parse(line ?? '') as {time: string};
}

describe('the log of requests', () => {
  test('has the form of the other log, field by field', () => {
    const [ours] = linesOf((output) => createRequestLog('info', output).info(FIELDS, 'Request'));
    const [other] = linesOf((output) => createLogger('info', output).info(FIELDS, 'Request'));
    const line = parsed(ours);
    expect(line.time).toMatch(TIME);
    expect(ours).toBe(other?.replace(parsed(other).time, line.time));
  });

  test.each(['trace', 'debug', 'info'] as const)('is written at the level %s', (level) => {
    expect(linesOf((output) => createRequestLog(level, output).info(FIELDS, 'Request'))).toHaveLength(1);
  });

  test.each(['warn', 'error', 'fatal', 'silent'] as const)('is not written at the level %s', (level) => {
    expect(linesOf((output) => createRequestLog(level, output).info(FIELDS, 'Request'))).toEqual([]);
  });
});

describe('a logger whose children are made late', () => {
  test('says with the child’s bindings what the child is told, at each level, and hides secrets', () => {
    const lines = linesOf((output) => {
      const child = withLateChildren(createLogger('trace', output)).child({requestId: 'r-1'});
      for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) {
        child[level]({password: 'secret'}, 'said');
      }
      child.silent('nothing');
      child.child({of: 'a child'}).warn('more');
    });
    expect(lines.map((line) => ({...parsed(line), time: ''}))).toEqual([
      ...['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => ({
        ...{level, time: '', requestId: 'r-1', password: '[redacted]', msg: 'said'},
      })),
      {level: 'warn', time: '', requestId: 'r-1', of: 'a child', msg: 'more'},
    ]);
  });

  test('makes no child that says nothing, and each child once', () => {
    let made = 0;
    const logger = createLogger('info', {write: () => undefined});
    const counting = Object.assign(Object.create(logger) as typeof logger, {
      child: (bindings: object) => {
        made++;
        return logger.child(bindings);
      },
    });
    const late = withLateChildren(counting);
    const child = late.child({requestId: 'r-1'});
    expect(made).toBe(0);
    child.info('once');
    child.level = 'error';
    expect([child.level, made]).toEqual(['error', 1]);
  });
});
