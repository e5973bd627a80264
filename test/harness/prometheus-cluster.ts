import {join} from 'node:path';
import {parse} from 'yaml';
import type {Image} from '../../hack/images/index.ts';
import {silentProgress} from '../../hack/lib/progress.ts';
import {prometheusOperatorManifests} from '../../hack/prometheus/definitions.ts';
import {prometheusImages, type PrometheusImages} from '../../hack/prometheus/images.ts';
import type {Manifest} from './manifest.ts';
import {PrometheusApi} from './prometheus.ts';
import {waitFor} from './wait.ts';
import type {World} from './world.ts';

/** Where Prometheus and its operator are. */
const MONITORING = 'monitoring';
/** Where the operator of MaintenanceApis is, and what it is called. */
const OPERATOR = {namespace: 'maintenance-api-system', name: 'maintenance-api-operator'} as const;
/** The operator's replicas. */
const OPERATOR_PODS = 2;
/** How that operator learns which servers there are. */
const SERVERS = {namespace: OPERATOR.namespace, name: 'maintenance-api-prometheus'} as const;
const NAME = 'main';
const POD = `prometheus-${NAME}-0`;

const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: {drop: ['ALL']},
};
const POD_SECURITY = {runAsNonRoot: true, runAsUser: 65534, seccompProfile: {type: 'RuntimeDefault'}};

interface Pod {
  readonly metadata: {readonly name: string};
  readonly status: {readonly conditions?: readonly {readonly type: string; readonly status: string}[]};
}

/** An entry of `metricsFrom`: Prometheus may read a service's metrics. */
export const READERS = {
  namespaceSelector: {matchLabels: {'kubernetes.io/metadata.name': MONITORING}},
  podSelector: {matchLabels: {'app.kubernetes.io/name': 'prometheus'}},
} as const;

const config = (folder: string): string => join(import.meta.dirname, '../../config', folder);

/**
 * Installs the Prometheus operator, and by it a Prometheus that takes every PodMonitor and PrometheusRule of the cluster
 * and gives each series the namespace that it was read in, and has it read the operator of MaintenanceApis. Pod Security
 * `restricted` is enforced.
 */
export async function installPrometheus(world: World): Promise<PrometheusApi> {
  const images = await prometheusImages(silentProgress);
  for (const {archive, ref} of Object.values(images) as Image[]) {
    await world.cluster.loadImage(archive, ref);
  }
  const {definitions, rights} = await prometheusOperatorManifests(silentProgress);
  await world.apply(...definitions.map((text) => parse(text) as Manifest));
  await waitFor(
    'Prometheuses are served',
    () => world.kubectl(['get', 'prometheuses,podmonitors', '-A', '-o', 'name']),
    60_000,
  );
  await world.createNamespace(MONITORING);
  await world.apply(...rights.map(inMonitoring));
  await world.apply(operatorDeployment(images), prometheus(images));
  await world.kubectl(['apply', '-k', config('prometheus')]);
  await waitFor(
    'Prometheus runs',
    async () => {
      const pods = await world.list<Pod>('pods', MONITORING);
      const ready = pods
        .find(({metadata}) => metadata.name === POD)
        ?.status.conditions?.some(({type, status}) => type === 'Ready' && status === 'True');
      if (ready === true) return true;
      throw new Error(JSON.stringify(pods.map(({status}) => status)));
    },
    180_000,
  );
  return joinPrometheus(world);
}

/** A way to the Prometheus that {@link installPrometheus} made. */
export function joinPrometheus(world: World): PrometheusApi {
  const proxy = `/api/v1/namespaces/${MONITORING}/pods/${POD}:9090/proxy`;
  return new PrometheusApi((path) => world.kubectl(['get', '--raw', `${proxy}${path}`]));
}

/** Rights as they are for this namespace. */
function inMonitoring(text: string): Manifest {
  const manifest = parse(text.replaceAll('namespace: default', `namespace: ${MONITORING}`)) as Manifest;
  const {kind, metadata} = manifest;
  // Not each of these has a namespace.
  return kind === 'ServiceAccount' ? {...manifest, metadata: {...metadata, namespace: MONITORING}} : manifest;
}

/**
 * Names the Prometheus to the operator of MaintenanceApis, as docs/how-to/prometheus.md has it, so that specs may refer to it.
 *
 * @param name - by which they do
 */
export async function useAsSource(world: World, name: string): Promise<void> {
  // The Service that the Prometheus operator makes.
  const url = `http://prometheus-operated.${MONITORING}.svc:9090`;
  const data = {'servers.yaml': JSON.stringify({prometheus: [{name, url, namespaceLabelEnforced: true}]})};
  await world.apply({apiVersion: 'v1', kind: 'ConfigMap', metadata: SERVERS, data});
  const deployment = ['-n', OPERATOR.namespace, `deployment/${OPERATOR.name}`];
  await world.kubectl(['rollout', 'restart', ...deployment]);
  await world.kubectl(['rollout', 'status', ...deployment, '--timeout=120s']);
}

/** What Prometheus itself says of a resource. */
interface Watched {
  /** Names of the API's pods that it reads. */
  readonly targets: readonly string[];
  /** Names of the rules that it has loaded. */
  readonly rules: readonly string[];
}

/** Waits until Prometheus reads every pod of an API and of the operator, and has evaluated each rule that it has of the API. */
export async function isWatched(
  world: World,
  prometheus: PrometheusApi,
  {namespace, name}: {readonly namespace: string; readonly name: string},
  timeoutMs: number,
): Promise<Watched> {
  const wanted = await world.get<{spec: {replicas: number}}>('deployment', name, namespace);
  const targets = await waitFor(
    `every target of ${namespace} and of the operator is healthy`,
    async () => {
      const active = await prometheus.targets();
      const of = (where: string) => active.filter(({labels}) => labels['namespace'] === where);
      const [own, operator] = [of(namespace), of(OPERATOR.namespace)];
      const complete = own.length === wanted?.spec.replicas && operator.length === OPERATOR_PODS;
      if (complete && [...own, ...operator].every(({health}) => health === 'up')) return own;
      throw new Error(JSON.stringify([...own, ...operator]));
    },
    timeoutMs,
  );
  const rules = await waitFor(
    `every rule of ${namespace} was evaluated`,
    async () => {
      const groups = (await prometheus.rules()).filter(({file}) => file.includes(`/${namespace}-${name}-`));
      const loaded = groups.flatMap((group) => group.rules);
      if (loaded.length > 0 && loaded.every(({health}) => health === 'ok')) return loaded;
      throw new Error(JSON.stringify(loaded.filter(({health}) => health !== 'ok')));
    },
    timeoutMs,
  );
  return {targets: targets.map(({labels}) => labels['pod'] ?? ''), rules: rules.map((rule) => rule.name)};
}

/** Takes away what {@link installPrometheus} and {@link useAsSource} made, and with its kinds every object of them. */
export async function removePrometheus(world: World): Promise<void> {
  const {definitions, rights} = await prometheusOperatorManifests(silentProgress);
  const gone = async (kind: string, names: readonly string[], ...options: readonly string[]): Promise<void> => {
    await world.kubectl(['delete', kind, ...names, '--ignore-not-found', '--timeout=120s', ...options]);
  };
  await gone('configmap', [SERVERS.name], '-n', SERVERS.namespace);
  // While it runs it would go on about kinds that are gone.
  await gone('namespace', [MONITORING], '--wait=false');
  for (const kind of ['ClusterRole', 'ClusterRoleBinding']) {
    const names = rights.map((text) => parse(text) as Manifest).filter((manifest) => manifest.kind === kind);
    await gone(
      kind,
      names.map(({metadata}) => metadata.name),
    );
  }
  // What comes after has a cluster without these kinds.
  await gone(
    'customresourcedefinition',
    definitions.map((text) => (parse(text) as Manifest).metadata.name),
  );
}

function operatorDeployment({operator, reloader}: PrometheusImages): Manifest {
  const labels = {'app.kubernetes.io/name': 'prometheus-operator'};
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {name: 'prometheus-operator', namespace: MONITORING, labels},
    spec: {
      selector: {matchLabels: labels},
      template: {
        metadata: {labels},
        spec: {
          serviceAccountName: 'prometheus-operator',
          // Its account doesn't have it mounted by itself.
          automountServiceAccountToken: true,
          securityContext: POD_SECURITY,
          containers: [
            {
              name: 'prometheus-operator',
              image: operator.ref,
              args: [`--prometheus-config-reloader=${reloader.ref}`, '--log-level=info'],
              resources: {requests: {cpu: '20m', memory: '64Mi'}, limits: {memory: '256Mi'}},
              securityContext: CONTAINER_SECURITY,
            },
          ],
        },
      },
    },
  };
}

function prometheus({prometheus: {ref}}: PrometheusImages): Manifest {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'Prometheus',
    metadata: {name: NAME, namespace: MONITORING},
    spec: {
      image: ref,
      // The image's name doesn't tell, and the flags that it gets go by it.
      version: 'v3.5.0',
      replicas: 1,
      serviceAccountName: 'prometheus',
      securityContext: {...POD_SECURITY, fsGroup: 65534},
      resources: {requests: {cpu: '50m', memory: '128Mi'}, limits: {memory: '512Mi'}},
      ...{podMonitorSelector: {}, podMonitorNamespaceSelector: {}, ruleSelector: {}, ruleNamespaceSelector: {}},
      enforcedNamespaceLabel: 'namespace',
      excludedFromEnforcement: [
        {
          ...{group: 'monitoring.coreos.com', resource: 'podmonitors'},
          ...OPERATOR,
        },
      ],
    },
  };
}
