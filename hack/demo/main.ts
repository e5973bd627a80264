import {mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {createProgress, formatDuration} from '../lib/progress.ts';
import {stateRoot} from '../lib/state.ts';
import {World} from '../../test/harness/world.ts';
import {saveEvidence} from './evidence.ts';
import {steps} from './steps.ts';
import {WHERE, type Facts, type Step, type StepContext} from './step.ts';

const USAGE = `Usage: npm run demo -- [--steps] [--break=<step>] [--keep]
  --steps          list the steps' names
  --break=<step>   leave out that step's cause: the run must fail (negative control)
  --keep           leave the cluster running and say how to look around`;

interface Options {
  readonly broken: string | undefined;
  readonly keep: boolean;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function runStep(step: Step, context: StepContext, broken: boolean): Promise<void> {
  const startedAt = performance.now();
  print(`\n▶ ${step.name}: ${step.title}${broken ? ' (sabotaged)' : ''}`);
  if (!broken) await step.cause(context);
  else if (step.sabotage !== undefined) await step.sabotage(context);
  await step.observe(context);
  const table = await context.world.kubectl(['get', 'mapi', '-A']).catch(() => '');
  if (table !== '') print(table.trimEnd().replaceAll(/^/gm, '    '));
  print(`✔ ${step.name} (${formatDuration(performance.now() - startedAt)})`);
}

async function demo(options: Options): Promise<void> {
  const startedAt = performance.now();
  const artifacts = join(stateRoot(), 'demo');
  await rm(artifacts, {recursive: true, force: true});
  await mkdir(artifacts, {recursive: true});
  const progress = createProgress();
  print('▶ cluster: a Kubernetes node on this machine, and the images from the two Dockerfiles');
  for (const step of steps) await step.prepare?.(progress);
  const world = await World.open({name: 'demo', progress, artifacts});
  print(`✔ cluster (${formatDuration(performance.now() - startedAt)})`);
  const facts: Facts = {loads: []};
  const context: StepContext = {world, facts, say: (text) => print(`  • ${text}`)};
  let failed = true;
  try {
    for (const step of steps) await runStep(step, context, step.name === options.broken);
    failed = false;
    print(`\n${await world.kubectl(['describe', 'mapi', '-n', WHERE.namespace, WHERE.name])}`);
  } finally {
    await saveEvidence(context);
    print(`\nEvidence: ${artifacts} (check it with: npm run demo:verify)`);
    if (options.keep)
      print(
        `Look around: export KUBECONFIG=${world.cluster.kubeconfigPath}; kubectl get mapi -A\nEnd it: npm run cluster -- down --name demo`,
      );
    else await world.close();
    print(
      `${failed ? '✖ The demo failed' : '✔ The demo succeeded'} after ${formatDuration(performance.now() - startedAt)}`,
    );
  }
}

const {values} = parseArgs({
  options: {steps: {type: 'boolean'}, break: {type: 'string'}, keep: {type: 'boolean'}, help: {type: 'boolean'}},
});

if (values.help === true) {
  print(USAGE);
} else if (values.steps === true) {
  print(steps.map((step) => `${step.name.padEnd(18)} ${step.title}`).join('\n'));
} else if (values.break !== undefined && !steps.some((step) => step.name === values.break)) {
  print(`There is no step "${values.break}"; npm run demo -- --steps lists them`);
  process.exitCode = 2;
} else {
  try {
    await demo({broken: values.break, keep: values.keep === true});
  } catch (error) {
    print(`✖ ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
