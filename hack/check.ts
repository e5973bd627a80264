/**
 * `npm run check [step …]`: the rules of the repository, one line a step, without changing the tree.
 * Ends with 0 when every step is green, 1 when one is red, 2 when it was called wrongly.
 */
import {availableParallelism} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {generated} from './check/generated.ts';
import {licences} from './check/licences.ts';
import {lock} from './check/lock.ts';
import {portable} from './check/portable.ts';
import type {Finding, Step} from './check/step.ts';
import {format, lint, structure, types, unused} from './check/tools.ts';

/** Longest first, so that the short ones fill the gaps. */
const steps: readonly Step[] = [lint, types, format, unused, structure, generated, licences, lock, portable];

async function findingsOf(step: Step, root: string): Promise<readonly Finding[]> {
  try {
    return await step.run(root);
  } catch (error) {
    return [{file: '', rule: 'broken', message: `the step could not be carried out: ${String(error)}`}];
  }
}

async function runStep(step: Step, root: string): Promise<boolean> {
  const began = performance.now();
  const findings = await findingsOf(step, root);
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(5);
  const result = findings.length === 0 ? 'green' : `RED: ${findings.length} found`;
  console.log(`${findings.length === 0 ? '✔' : '✘'} ${step.name.padEnd(10)} ${seconds} s  ${result}`);
  for (const {file, line, rule, message} of findings) {
    console.log(`    ${file}${line === undefined ? '' : `:${line}`}  ${rule}  ${message}`);
  }
  return findings.length === 0;
}

/** Runs the chosen steps on as many workers as there are cores, at most two: each tool needs some 500 MB. */
async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`no step ${unknown.join(', ')}; steps: ${steps.map(({name}) => name).join(' ')}`);
    return 2;
  }
  const chosen = steps.filter(({name}) => names.length === 0 || names.includes(name));
  const root = join(fileURLToPath(import.meta.url), '../..');
  const waiting = [...chosen];
  const results: boolean[] = [];
  const began = performance.now();
  console.log(`check: ${chosen.map(({name}) => name).join(', ')}`);
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift())
      results.push(await runStep(step, root));
  };
  await Promise.all(Array.from({length: Math.min(2, availableParallelism())}, worker));
  const red = results.filter((green) => !green).length;
  console.log(`check: ${results.length - red} green, ${red} red, ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return red === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
