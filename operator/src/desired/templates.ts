import type {PodTemplateSpec} from 'kubernetes-types/core/v1.js';
import type {MaintenanceApiSpec, ManagedDatabase} from '../api/v1alpha1/index.ts';
import {databaseFiles} from './mysql-config.ts';
import {databasePod} from './mysql-pod.ts';
import type {ServedRevision} from './objects.ts';
import {apiPod} from './pod-template.ts';

/** One generation of everything that pods are made from: a change of any of it restarts them. */
export interface Templates {
  readonly apiPod: (name: string, revision: Pick<ServedRevision, 'hash' | 'data'>) => PodTemplateSpec;
  readonly databasePod: (name: string, spec: MaintenanceApiSpec, database: ManagedDatabase) => PodTemplateSpec;
  readonly databaseFiles: (spec: MaintenanceApiSpec, database: ManagedDatabase) => Record<string, string>;
}

/**
 * Every generation that this operator renders, by its number. One that was released never changes: what pods run of it
 * would restart with the operator's upgrade. A changed template is a new generation, added here beside the old ones.
 */
export const templates: Readonly<Record<number, Templates>> = {
  1: {apiPod, databasePod, databaseFiles},
};
