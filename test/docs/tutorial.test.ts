import {existsSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from '@jest/globals';
import {waitFor} from '../harness/wait.ts';
import {executePage, PageError, StepError, steps, type Step} from './tutorial.ts';
import {UnexpectedOutputError} from './expected-output.ts';

const fenced = (...blocks: readonly (readonly [string, string])[]): string =>
  blocks.map(([language, text]) => `Words.\n\n\`\`\`${language}\n${text}\n\`\`\`\n`).join('\n');

async function execute(page: string, signal?: AbortSignal): Promise<string[]> {
  const told: string[] = [];
  const onOutput = (_: Step, output: string): void => void told.push(output);
  await executePage(page, {cwd: '/', env: process.env, onOutput, ...(signal && {signal})});
  return told;
}

describe('the steps of a page', () => {
  test('are its sh blocks, each with the text block after it', () => {
    expect(steps(fenced(['sh', 'a'], ['text', 'b'], ['yaml', 'c'], ['sh', 'd']))).toEqual([
      {commands: 'a', line: 4, shown: 'b'},
      {commands: 'd', line: 22, shown: undefined},
    ]);
  });

  test('can not be taken from a page that has none', () => {
    expect(() => steps('# A page\n')).toThrow(PageError);
  });

  test('can not be taken where it is not clear whose output a text block is', () => {
    expect(() => steps(fenced(['sh', 'a'], ['yaml', 'b'], ['text', 'c']))).toThrow(PageError);
    expect(() => steps(fenced(['sh', 'a'], ['text', 'b'], ['text', 'c']))).toThrow(PageError);
  });
});

describe('a page is executed', () => {
  test('in one session, each block as it stands', async () => {
    const page = fenced(
      ['sh', 'cd /usr\nexport WORD=kept'],
      ['sh', 'cat <<END\n$WORD in $PWD\nEND\necho said >&2'],
      ['text', 'kept in /usr\nsaid'],
    );
    expect(await execute(page)).toEqual(['', 'kept in /usr\nsaid\n']);
  });

  test('also where a command reads its input', async () => {
    await execute(fenced(['sh', 'cat'], ['sh', 'echo after'], ['text', 'after']));
  });

  test('up to the command that fails, and no further', async () => {
    const page = fenced(['sh', 'echo before; false; echo after'], ['sh', 'echo never']);
    const failed = execute(page);
    await expect(failed).rejects.toThrow(StepError);
    await expect(failed).rejects.toThrow(/line 4 failed[^]*\n\nbefore\n$/);
  });

  test('up to the pipe of which a part fails', async () => {
    await expect(execute(fenced(['sh', 'false | true']))).rejects.toThrow(StepError);
  });

  test('up to an output that is not as the page shows it', async () => {
    await expect(execute(fenced(['sh', 'echo one'], ['text', 'two']))).rejects.toThrow(UnexpectedOutputError);
  });

  test('until it is told to end, in the middle of a step or before it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tutorial-test-'));
    const flag = join(folder, 'runs');
    const end = new AbortController();
    const running = execute(fenced(['sh', `touch ${flag}; sleep 1000`]), end.signal);
    const failed = expect(running).rejects.toThrow(StepError);
    await waitFor('the step runs', () => Promise.resolve(existsSync(flag) || undefined), 20_000);
    end.abort();
    await failed;
    await expect(execute(fenced(['sh', 'sleep 1000']), end.signal)).rejects.toThrow(StepError);
    await rm(folder, {recursive: true});
  });
});
