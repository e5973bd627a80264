import type {Manifest} from './manifest.ts';

/** What a load job is asked for. */
export interface LoadOptions {
  readonly name: string;
  /** Requests per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Share of POST, 0–1. */
  readonly writes: number;
}

/** A job that asks a MaintenanceApi through its Service, and writes a line for each answer. */
export function loadJob(where: {namespace: string; name: string}, image: string, options: LoadOptions): Manifest {
  const env = {
    TARGET: `http://${where.name}.${where.namespace}.svc.cluster.local`,
    RATE: options.rate,
    SECONDS: options.seconds,
    WRITES: options.writes,
    TOKENS_FILE: '/etc/tokens/tokens',
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {name: options.name, namespace: where.namespace},
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: {runAsNonRoot: true, seccompProfile: {type: 'RuntimeDefault'}, fsGroup: 65532},
          containers: [
            {
              name: 'load',
              image,
              env: Object.entries(env).map(([name, value]) => ({name, value: String(value)})),
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: {drop: ['ALL']},
              },
              volumeMounts: [{name: 'tokens', mountPath: '/etc/tokens', readOnly: true}],
            },
          ],
          volumes: [{name: 'tokens', secret: {secretName: `${where.name}-api-tokens`}}],
        },
      },
    },
  };
}
