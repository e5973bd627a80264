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
  return clientJob(where, options.name, {name: 'load', image, env});
}

/** What asks, in a {@link clientJob}. */
export interface Client {
  /** Of the container. */
  readonly name: string;
  readonly image: string;
  /** The image's own where unset. */
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string | number>>;
  /** Where it may write; nowhere unless told. */
  readonly scratch?: string;
}

/** A Job beside a MaintenanceApi that has its tokens below /etc/tokens and keeps Pod Security `restricted`. */
export function clientJob(where: {namespace: string; name: string}, name: string, client: Client): Manifest {
  const {image, command, env, scratch} = client;
  const out = scratch === undefined ? [] : [{name: 'out', mountPath: scratch}];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {name, namespace: where.namespace},
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: {runAsNonRoot: true, seccompProfile: {type: 'RuntimeDefault'}, fsGroup: 65532},
          containers: [
            {
              name: client.name,
              image,
              ...(command && {command}),
              env: Object.entries(env).map(([variable, value]) => ({name: variable, value: String(value)})),
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: {drop: ['ALL']},
              },
              volumeMounts: [{name: 'tokens', mountPath: '/etc/tokens', readOnly: true}, ...out],
            },
          ],
          volumes: [
            {name: 'tokens', secret: {secretName: `${where.name}-api-tokens`}},
            ...out.map((mount) => ({name: mount.name, emptyDir: {}})),
          ],
        },
      },
    },
  };
}
