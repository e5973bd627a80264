import type {Row} from './row.ts';
import {api} from './rows/api.ts';
import {appliedToReady} from './rows/applied-to-ready.ts';
import {backup} from './rows/backup.ts';
import {brokenRequests} from './rows/broken-requests.ts';
import {connections} from './rows/connections.ts';
import {controlPlaneReady} from './rows/control-plane.ts';
import {demoCold, demoWarm} from './rows/demo.ts';
import {fleet} from './rows/fleet.ts';
import {idleRequests} from './rows/idle-requests.ts';
import {imageLayers} from './rows/image-layers.ts';
import {localNodeReady} from './rows/local-node.ts';
import {memory} from './rows/memory.ts';
import {rollback} from './rows/rollback.ts';
import {statusWrites} from './rows/status-writes.ts';

/**
 * Every figure, in the order in which they are measured: the quick ones first, then what needs traffic, then what needs it
 * to be over, then what counts over all of that, and last what needs the machine for itself.
 */
export const rows: readonly Row[] = [
  ...api,
  ...backup,
  controlPlaneReady,
  localNodeReady,
  imageLayers,
  appliedToReady,
  rollback,
  brokenRequests,
  statusWrites,
  idleRequests,
  memory,
  connections,
  ...fleet,
  demoWarm,
  demoCold,
];
