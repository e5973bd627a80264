import type {MaintenanceApiSpecInput} from '../../operator/src/api/v1alpha1/index.ts';
import type {World} from '../harness/world.ts';
import type {Where} from './api-service.ts';

const READY_MS = 300_000;

/** Traffic that goes on while a story does its work. */
export interface SteadyLoad {
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Of the requests, as a share. */
  readonly writes: number;
}

/** Brings a service up in a namespace of its own, under a load of the name `steady`, until its revision is known to be good. */
export async function serveUnderLoad(
  world: World,
  where: Where,
  spec: Partial<MaintenanceApiSpecInput>,
  load: SteadyLoad,
): Promise<void> {
  await world.createNamespace(where.namespace);
  await world.apply(world.maintenanceApi(where.namespace, where.name, spec));
  await world.waitReady(where, READY_MS);
  await world.startLoad(where, {name: 'steady', ...load});
  await world.waitGood(where, READY_MS);
}
