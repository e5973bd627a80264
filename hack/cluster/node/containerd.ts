import {readFile} from 'node:fs/promises';
import {INSIDE, POD_CIDR, type Layout} from './layout.ts';

/** capabilities(7): needed to lower a process's oom_score_adj. */
const CAP_SYS_RESOURCE = 24n;

/**
 * containerd's configuration (its version 2, as Debian 12's containerd 1.6 has it).
 * @param layout - the cluster's folder
 * @param pauseImage - an image that is loaded, since none can be fetched
 */
export async function containerdConfig(layout: Layout, pauseImage: string): Promise<string> {
  return `version = 2
root = "${layout.inside(layout.containerd)}"
state = "/run/containerd/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
address = "${INSIDE.containerdSocket}"

[plugins."io.containerd.internal.v1.opt"]
path = "/run/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${pauseImage}"
restrict_oom_score_adj = ${String(!(await hasCapability(CAP_SYS_RESOURCE)))}

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${layout.inside(layout.file('config', 'cni'))}"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
`;
}

/**
 * The pods' network. Each pod has a pair of interfaces of its own with the node (ptp) instead of a port on a bridge, so
 * that every packet between pods is routed: a pod reaches itself through its Service without br_netfilter.
 */
export const CNI_CONFIG = JSON.stringify({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'ptp',
      ipMasq: false,
      ipam: {type: 'host-local', dataDir: '/run/cni', ranges: [[{subnet: POD_CIDR}]], routes: [{dst: '0.0.0.0/0'}]},
    },
  ],
});

/** Whether this process, and so what it starts, has a capability (field CapEff of /proc/self/status, proc(5)). */
async function hasCapability(capability: bigint): Promise<boolean> {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  if (effective === undefined) throw new Error('/proc/self/status has no CapEff');
  return ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n;
}
