export type {Cluster} from './cluster.ts';
export {controlPlane, type ControlPlane, type ControlPlaneOptions} from './control-plane.ts';
export {localCluster} from './local.ts';
