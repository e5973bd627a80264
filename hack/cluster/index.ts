export {ImageLoadError, type Cluster} from './cluster.ts';
export {controlPlane, stopControlPlane, type ControlPlane, type ControlPlaneOptions} from './control-plane.ts';
export {existingCluster, type ExistingCluster} from './existing.ts';
export {joinLocalCluster, localCluster, stopLocalCluster, type LocalClusterOptions} from './local.ts';
export {ClusterStartError} from './ready.ts';
export {PreflightError} from '../lib/apt.ts';
