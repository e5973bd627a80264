import {mkdir, writeFile} from 'node:fs/promises';
import {API_SERVICE_IP, AUDIT_POLICY} from '../flags.ts';
import {CertificateAuthority, serviceAccountKey, writeKubeconfig, type KeyPair} from '../pki.ts';
import {kubeletConfig, NODE_NAME, type ComponentFiles} from './components.ts';
import {CNI_CONFIG, containerdConfig} from './containerd.ts';
import {NODE_IP, NODE_SERVER, type Layout} from './layout.ts';

export interface NodeConfiguration {
  readonly authority: CertificateAuthority;
  readonly admin: KeyPair;
  readonly files: ComponentFiles;
  /** containerd's configuration, as the node's mount namespace has it. */
  readonly containerdConfig: string;
}

/** Users of the API server with the groups that Kubernetes' own roles are bound to. */
const IDENTITIES = {
  'kube-controller-manager': {commonName: 'system:kube-controller-manager'},
  'kube-scheduler': {commonName: 'system:kube-scheduler'},
  'kube-proxy': {commonName: 'system:kube-proxy'},
  kubelet: {commonName: `system:node:${NODE_NAME}`, organizations: ['system:nodes']},
} as const;

/**
 * Makes the node's certificates, kubeconfigs and configuration files.
 * @param layout - the cluster's folder
 * @param cgroupRoot - where the pods' cgroups are to be
 * @param pauseImage - see containerdConfig
 */
export async function configureNode(
  layout: Layout,
  cgroupRoot: string,
  pauseImage: string,
): Promise<NodeConfiguration> {
  const pki = layout.file('pki');
  const config = (name: string): string => layout.file('config', name);
  await mkdir(pki, {recursive: true});
  await mkdir(config('cni'), {recursive: true});
  const authority = await CertificateAuthority.create(pki, 'ca');
  const frontProxyCa = await CertificateAuthority.create(pki, 'front-proxy-ca');
  const [serving, admin, kubeletClient, frontProxyClient, serviceAccount, kubeconfigs] = await Promise.all([
    authority.issue({
      name: 'kube-apiserver',
      subjectAltNames: [
        ...['IP:127.0.0.1', `IP:${NODE_IP}`, `IP:${API_SERVICE_IP}`, 'DNS:localhost'],
        ...['', '.default', '.default.svc', '.default.svc.cluster.local'].map((suffix) => `DNS:kubernetes${suffix}`),
      ],
    }),
    authority.issue({name: 'admin', organizations: ['system:masters']}),
    authority.issue({name: 'kube-apiserver-kubelet-client', organizations: ['system:masters']}),
    frontProxyCa.issue({name: 'front-proxy-client'}),
    serviceAccountKey(pki),
    componentKubeconfigs(layout, authority),
  ]);
  const inside = (path: string): string => layout.inside(path);
  const pair = ({certFile, keyFile}: KeyPair): KeyPair => ({certFile: inside(certFile), keyFile: inside(keyFile)});
  await Promise.all([
    writeFile(config('audit-policy.yaml'), AUDIT_POLICY),
    writeFile(config('kubelet.json'), kubeletConfig(inside(authority.certFile), cgroupRoot)),
    writeFile(config('containerd.toml'), await containerdConfig(layout, pauseImage)),
    writeFile(config('cni/pods.conflist'), CNI_CONFIG),
  ]);
  return {
    authority,
    admin,
    containerdConfig: inside(config('containerd.toml')),
    files: {
      apiServer: {
        clientCaFile: inside(authority.certFile),
        serving: pair(serving),
        serviceAccount: {privateKey: inside(serviceAccount.privateKey), publicKey: inside(serviceAccount.publicKey)},
        auditPolicyFile: inside(config('audit-policy.yaml')),
        auditLogFile: inside(layout.auditLog),
      },
      ca: pair(authority),
      frontProxyCa: inside(frontProxyCa.certFile),
      frontProxyClient: pair(frontProxyClient),
      kubeletClient: pair(kubeletClient),
      serviceAccountKey: inside(serviceAccount.privateKey),
      kubeconfig: kubeconfigs,
      etcdData: inside(layout.file('etcd')),
      kubeletConfig: inside(config('kubelet.json')),
    },
  };
}

async function componentKubeconfigs(
  layout: Layout,
  authority: CertificateAuthority,
): Promise<ComponentFiles['kubeconfig']> {
  const write = async (name: keyof typeof IDENTITIES): Promise<string> => {
    const path = layout.file('config', `${name}.kubeconfig`);
    const client = await authority.issue({name, ...IDENTITIES[name]});
    await writeKubeconfig({server: NODE_SERVER, caFile: authority.certFile, client, user: name, context: 'node', path});
    return layout.inside(path);
  };
  const [manager, scheduler, proxy, kubelet] = await Promise.all([
    write('kube-controller-manager'),
    write('kube-scheduler'),
    write('kube-proxy'),
    write('kubelet'),
  ]);
  return {'kube-controller-manager': manager, 'kube-scheduler': scheduler, 'kube-proxy': proxy, kubelet};
}
