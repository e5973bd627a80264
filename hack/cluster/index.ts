export {controlPlane, type ControlPlane, type ControlPlaneOptions} from './control-plane.ts';
export {ClusterStartError} from './ready.ts';
export {PreflightError} from '../lib/apt.ts';
