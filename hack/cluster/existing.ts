import {writeFile} from 'node:fs/promises';
import {createHash} from 'node:crypto';
import {join} from 'node:path';
import {findProgram} from '../lib/apt.ts';
import {run} from '../lib/exec.ts';
import {createProgress, type Progress} from '../lib/progress.ts';
import {stateDir} from '../lib/state.ts';
import {programs} from './programs.ts';

/** A cluster that someone else runs; nothing is created in it or removed from it here. */
export interface ExistingCluster {
  readonly context: string;
  /** A copy of just this context, so that whoever uses it can't slip to another one. */
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
}

/**
 * Takes a context of the user's own kubeconfig (`KUBECONFIG` or ~/.kube/config, as kubectl finds it).
 * @param options.context - its name; there is no default, so that no cluster is touched by accident
 * @throws CommandError with kubectl's text when there is no such context or the API server doesn't answer
 */
export async function existingCluster(options: {context: string; progress?: Progress}): Promise<ExistingCluster> {
  const {context} = options;
  const kubectlPath =
    (await findProgram('kubectl')) ??
    join(await programs('control-plane', options.progress ?? createProgress()), 'kubectl');
  const view = ['config', 'view', '--context', context, '--minify', '--flatten', '--raw', '--output', 'json'];
  const config = JSON.parse((await run([kubectlPath, ...view])).stdout) as Record<string, unknown>;
  const id = createHash('sha256').update(context).digest('hex').slice(0, 12);
  const kubeconfigPath = join(await stateDir('existing'), `${id}.kubeconfig`);
  await writeFile(kubeconfigPath, `${JSON.stringify({...config, 'current-context': context})}\n`, {mode: 0o600});
  await run([kubectlPath, '--kubeconfig', kubeconfigPath, 'get', '--raw', '/readyz', '--request-timeout', '10s']);
  return {context, kubeconfigPath, kubectlPath};
}
