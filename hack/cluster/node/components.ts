import {apiServerFlags, DNS_SERVICE_IP, etcdFlags, type ApiServerOptions, type Flags} from '../flags.ts';
import {API_PORT, INSIDE, NODE_IP, POD_CIDR} from './layout.ts';

export const NODE_NAME = 'local';

/** Files of the node as its mount namespace has them. */
export interface ComponentFiles {
  readonly apiServer: Omit<ApiServerOptions, 'etcdUrl' | 'bindAddress' | 'port'>;
  readonly frontProxyCa: string;
  readonly frontProxyClient: {readonly certFile: string; readonly keyFile: string};
  readonly kubeletClient: {readonly certFile: string; readonly keyFile: string};
  readonly ca: {readonly certFile: string; readonly keyFile: string};
  readonly serviceAccountKey: string;
  readonly kubeconfig: Readonly<
    Record<'kube-controller-manager' | 'kube-scheduler' | 'kubelet' | 'kube-proxy', string>
  >;
  readonly etcdData: string;
  readonly kubeletConfig: string;
}

/** What runs in the node beside containerd, by the group of programs that it is built with. */
export const COMPONENTS = {
  etcd: 'control-plane',
  'kube-apiserver': 'control-plane',
  'kube-controller-manager': 'node',
  'kube-scheduler': 'node',
  kubelet: 'node',
  'kube-proxy': 'node',
} as const;

export type Component = keyof typeof COMPONENTS;

/** The flags of every component that runs in the node's namespaces. */
export function componentFlags(files: ComponentFiles): Readonly<Record<Component, Flags>> {
  const etcd = {client: 2379, peer: 2380};
  return {
    etcd: etcdFlags(files.etcdData, '127.0.0.1', etcd),
    'kube-apiserver': {
      ...apiServerFlags({
        ...files.apiServer,
        etcdUrl: `http://127.0.0.1:${String(etcd.client)}`,
        bindAddress: NODE_IP,
        port: API_PORT,
      }),
      'enable-admission-plugins': 'NodeRestriction',
      // By address: the node's name is in no DNS.
      'kubelet-preferred-address-types': 'InternalIP',
      'kubelet-client-certificate': files.kubeletClient.certFile,
      'kubelet-client-key': files.kubeletClient.keyFile,
      'requestheader-client-ca-file': files.frontProxyCa,
      'requestheader-allowed-names': 'front-proxy-client',
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
      'requestheader-group-headers': 'X-Remote-Group',
      'requestheader-username-headers': 'X-Remote-User',
      'proxy-client-cert-file': files.frontProxyClient.certFile,
      'proxy-client-key-file': files.frontProxyClient.keyFile,
      'enable-aggregator-routing': true,
    },
    'kube-controller-manager': {
      kubeconfig: files.kubeconfig['kube-controller-manager'],
      'authentication-kubeconfig': files.kubeconfig['kube-controller-manager'],
      'authorization-kubeconfig': files.kubeconfig['kube-controller-manager'],
      'bind-address': '127.0.0.1',
      'leader-elect': false,
      'use-service-account-credentials': true,
      'service-account-private-key-file': files.serviceAccountKey,
      'root-ca-file': files.ca.certFile,
      'cluster-signing-cert-file': files.ca.certFile,
      'cluster-signing-key-file': files.ca.keyFile,
      'flex-volume-plugin-dir': `${INSIDE.kubelet}/volumeplugins`,
      'kube-api-qps': 100,
      'kube-api-burst': 200,
    },
    'kube-scheduler': {
      kubeconfig: files.kubeconfig['kube-scheduler'],
      'authentication-kubeconfig': files.kubeconfig['kube-scheduler'],
      'authorization-kubeconfig': files.kubeconfig['kube-scheduler'],
      'bind-address': '127.0.0.1',
      'leader-elect': false,
    },
    kubelet: {
      kubeconfig: files.kubeconfig.kubelet,
      config: files.kubeletConfig,
      'root-dir': INSIDE.kubelet,
      'node-ip': NODE_IP,
      'hostname-override': NODE_NAME,
    },
    'kube-proxy': {
      kubeconfig: files.kubeconfig['kube-proxy'],
      'proxy-mode': 'iptables',
      'bind-address': NODE_IP,
      'hostname-override': NODE_NAME,
      'cluster-cidr': POD_CIDR,
      // 0 leaves the setting alone: a network namespace may not change it.
      'conntrack-max-per-core': 0,
      'conntrack-tcp-timeout-established': 0,
      'conntrack-tcp-timeout-close-wait': 0,
    },
  };
}

/**
 * kubelet's configuration (kubelet.config.k8s.io/v1beta1).
 * @param clientCa - who signed its clients' certificates
 * @param cgroupRoot - path of the cgroup for all pods
 */
export function kubeletConfig(clientCa: string, cgroupRoot: string): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: NODE_IP,
    authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: clientCa}},
    authorization: {mode: 'Webhook'},
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    clusterDNS: [DNS_SERVICE_IP],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${INSIDE.containerdSocket}`,
    // An image that was removed for its age or for space couldn't be fetched again.
    imageGCHighThresholdPercent: 100,
    evictionHard: {'memory.available': '200Mi', 'nodefs.available': '1Gi', 'imagefs.available': '1Gi'},
    failCgroupV1: false,
    failSwapOn: false,
    readOnlyPort: 0,
    resolvConf: '/dev/null',
    serializeImagePulls: false,
    volumePluginDir: `${INSIDE.kubelet}/volumeplugins`,
  });
}
