import {Duplex, PassThrough} from 'node:stream';
import type {KubeConfig} from '@kubernetes/client-node/dist/config.js';
import type {Connection} from 'mysql2/promise';
import type {DatabaseTarget} from '../api/v1alpha1/index.ts';
import {loginOver} from './database-probe.ts';

/**
 * Connects to a database's pod through the API server, as `kubectl port-forward` does: what the operator does from a
 * laptop. The kubelet connects from within the pod, where the admin interface doesn't listen (it has the pod's address
 * alone), so this takes one of the server's ordinary connections.
 *
 * @param port on which the server takes ordinary connections
 * @returns how to connect; needs `create` on pods/portforward
 */
export function connectByPortForward(
  kubeConfig: KubeConfig,
  port: number,
): (target: DatabaseTarget) => Promise<Connection> {
  return async (target) => loginOver(await forward(kubeConfig, target, port), target);
}

/** What is used of the WebSocket, for which its package has no types. */
interface ForwardedSocket {
  onclose: () => void;
  onerror: (event: {readonly message: string}) => void;
  close(): void;
}

async function forward(kubeConfig: KubeConfig, {namespace, pod}: DatabaseTarget, port: number): Promise<Duplex> {
  // Loaded only here: in the cluster, where memory is scarce, nobody forwards ports.
  const {PortForward} = await import('@kubernetes/client-node/dist/portforward.js');
  const [toServer, fromServer] = [new PassThrough(), new PassThrough()];
  // Without a count of retries it's one socket, and none that comes back.
  const socket = (await new PortForward(kubeConfig).portForward(
    namespace,
    pod,
    [port],
    fromServer,
    null,
    toServer,
  )) as unknown as ForwardedSocket;
  const stream = Duplex.from({writable: toServer, readable: fromServer});
  socket.onclose = () => fromServer.end();
  socket.onerror = ({message}) => void stream.destroy(new Error(message));
  stream.once('close', () => {
    socket.close();
  });
  return stream;
}
