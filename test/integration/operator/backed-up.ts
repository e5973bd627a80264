import {resources, type MaintenanceApiSpecInput} from '../../../operator/src/api/v1alpha1/index.ts';
import type {Simulation} from '../../harness/simulation.ts';

/** Makes a resource that asks for backups, and the Secret that its bucket is used with, which nobody in these stories verifies. */
export async function createWithBackup(
  world: Simulation,
  namespace: string,
  {schedule, bucket}: {readonly schedule: string; readonly bucket: string},
  spec: Partial<MaintenanceApiSpecInput> = {},
): Promise<void> {
  await world.client.create(resources.secret, namespace, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {name: 'storage', namespace},
    data: {accessKeyId: 'YQ==', secretAccessKey: 'Yg=='},
  });
  await world.create(namespace, {
    backup: {schedule, destination: {s3: {bucket, credentialsSecretRef: {name: 'storage'}}}},
    ...spec,
  });
}
