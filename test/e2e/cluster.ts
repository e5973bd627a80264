/** `cluster.ts up|down`: one cluster a run with the operator installed once; stories join it, each with its own namespace. */
import {join} from 'node:path';
import {stopLocalCluster} from '../../hack/cluster/local.ts';
import {createProgress} from '../../hack/lib/progress.ts';
import {stateRoot} from '../../hack/lib/state.ts';
import {World} from '../harness/world.ts';

const progress = createProgress();
if (process.argv[2] === 'up') {
  const world = await World.open({name: 'e2e', progress, artifacts: join(stateRoot(), 'e2e')});
  await world.install();
} else {
  await stopLocalCluster('e2e', progress);
}
