import {join} from 'node:path';
import {createProgress} from '../../hack/lib/progress.ts';
import {stateRoot} from '../../hack/lib/state.ts';
import {World} from '../harness/world.ts';

/** One cluster a run with the operator installed once; stories join it, each with a namespace of its own. */
export default async function setup(): Promise<void> {
  const world = await World.open({name: 'e2e', progress: createProgress(), artifacts: join(stateRoot(), 'e2e')});
  await world.install();
}
