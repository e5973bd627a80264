import {stopLocalCluster} from '../../hack/cluster/local.ts';
import {createProgress} from '../../hack/lib/progress.ts';

/** Ends the run's cluster; its logs and artifacts stay. */
export default async function teardown(): Promise<void> {
  await stopLocalCluster('e2e', createProgress());
}
