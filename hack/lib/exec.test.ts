import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {
  CommandError,
  isRunning,
  processIdentity,
  readPidFile,
  run,
  signalProcess,
  startBackground,
  stopByPidFile,
  stopProcess,
} from './exec.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exec-test-'));
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

describe('run', () => {
  test('captures both streams and passes the input', async () => {
    const output = await run(['sh', '-c', 'cat; echo warned >&2'], {input: 'given'});
    expect(output).toEqual({stdout: 'given', stderr: 'warned\n'});
  });

  test('throws an error with the command, its exit code and the end of its output', async () => {
    const failure = run(['sh', '-c', 'seq 1 5000; echo the reason >&2; exit 3']);
    await expect(failure).rejects.toThrow(CommandError);
    const error = await failure.catch((reason: unknown) => reason as CommandError);
    expect(error).toMatchObject({exitCode: 3, signal: null, command: ['sh', '-c', expect.any(String)]});
    expect((error as CommandError).outputTail).toMatch(/the reason$/);
    expect((error as CommandError).outputTail).not.toMatch(/^1\n/);
  });

  test('says which program could not be started', async () => {
    await expect(run(['no-such-program-here'])).rejects.toThrow(/no-such-program-here.*\n.*ENOENT/);
  });

  test('hands over whole lines of standard error', async () => {
    const lines: string[] = [];
    await run(['sh', '-c', 'printf "a\\nb" >&2; printf "c\\n" >&2'], {onStderrLine: (line) => lines.push(line)});
    expect(lines).toEqual(['a', 'bc']);
  });
});

describe('processIdentity', () => {
  test('is the same for the same process and undefined for one that ended', async () => {
    const self = await processIdentity(process.pid);
    expect(self).toEqual(await processIdentity(process.pid));
    const {stdout} = await run(['sh', '-c', 'echo $$']);
    expect(await processIdentity(Number(stdout))).toBeUndefined();
  });

  test('does not take a later process with the same pid for the earlier one', async () => {
    const self = await processIdentity(process.pid);
    if (self === undefined) throw new Error('this process has no identity');
    expect(await isRunning(self)).toBe(true);
    expect(await isRunning({...self, startTime: '1'})).toBe(false);
  });
});

/** The pid file is there before the program has begun: a test that ends it sooner would see nothing of it. */
async function untilLogged(logFile: string, text: string): Promise<void> {
  while (!(await readFile(logFile, 'utf8')).includes(text)) await delay(5);
}

describe('background processes', () => {
  test('write their own pid file, log to a file and end on request', async () => {
    const pidFile = join(folder, 'it.pid');
    const logFile = join(folder, 'it.log');
    const identity = await startBackground({command: ['sh', '-c', 'echo begun; exec sleep 1000'], pidFile, logFile});
    expect(await readPidFile(pidFile)).toEqual(identity);
    expect(await isRunning(identity)).toBe(true);
    await untilLogged(logFile, 'begun');
    await stopByPidFile(pidFile, 5000);
    expect(await isRunning(identity)).toBe(false);
    expect(await readPidFile(pidFile)).toBeUndefined();
  });

  test('are killed when they ignore SIGTERM', async () => {
    const logFile = join(folder, 'it.log');
    const identity = await startBackground({
      command: ['sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 0.05; done'],
      pidFile: join(folder, 'it.pid'),
      logFile,
    });
    await untilLogged(logFile, 'deaf');
    await stopProcess(identity, 50);
    expect(await isRunning(identity)).toBe(false);
  });

  test('are left alone when the pid file names an earlier process', async () => {
    const identity = await startBackground({
      command: ['sleep', '1000'],
      pidFile: join(folder, 'it.pid'),
      logFile: join(folder, 'it.log'),
    });
    await writeFile(join(folder, 'stale.pid'), `${String(identity.pid)} 1\n`);
    await stopByPidFile(join(folder, 'stale.pid'), 0);
    await signalProcess({...identity, startTime: '1'}, 'SIGKILL');
    expect(await isRunning(identity)).toBe(true);
    await stopProcess(identity, 0);
  });

  test('a half-written pid file counts as none', async () => {
    const path = join(folder, 'half.pid');
    await writeFile(path, '12 3');
    expect(await readPidFile(path)).toBeUndefined();
  });
});
