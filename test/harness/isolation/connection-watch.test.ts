import {expect, test} from '@jest/globals';
import {ConnectionWatch} from './connection-watch.ts';

const entry = (client: string, server: string, port: number): string =>
  `ipv4     2 tcp      6 117 TIME_WAIT src=${client} dst=${server} sport=50000 dport=${String(port)} src=${server} dst=${client} sport=${String(port)} dport=50000 [ASSURED] mark=0 zone=0 use=2\n`;
const pod = (name: string, podIP: string): object => ({
  kind: 'Pod',
  metadata: {name, namespace: 'apis', labels: {app: name}},
  spec: {},
  status: {podIP},
});
const policy = {
  kind: 'NetworkPolicy',
  metadata: {name: 'database', namespace: 'apis'},
  spec: {
    podSelector: {matchLabels: {app: 'database'}},
    policyTypes: ['Ingress'],
    ingress: [{from: [{podSelector: {matchLabels: {app: 'api'}}}]}],
  },
};
const namespace = {kind: 'Namespace', metadata: {name: 'apis'}};
const NODE = JSON.stringify([{addr_info: [{local: '10.0.0.1'}]}]);

test('each connection is told once, by the names of its ends, also after its pod is gone', async () => {
  let items = [namespace, policy, pod('database', '10.1.0.2'), pod('api', '10.1.0.1'), pod('thief', '10.1.0.3')];
  let table = entry('10.1.0.1', '10.1.0.2', 3306);
  const watch = new ConnectionWatch({
    exec: (command) => Promise.resolve(command[0] === 'cat' ? table : NODE),
    kubectl: () => Promise.resolve(JSON.stringify({items})),
  });
  await watch.look();
  items = items.filter((item) => !JSON.stringify(item).includes('"api","namespace"'));
  table += entry('10.1.0.3', '10.1.0.2', 3306) + entry('10.0.0.1', '10.1.0.2', 3306);
  const refused = 'no ingress rule of apis/database admits it';
  const connection = {server: 'apis/database', protocol: 'TCP', port: 3306};
  expect(await watch.stop()).toEqual([
    {client: 'apis/api', ...connection},
    {client: 'apis/thief', ...connection, refused},
    {client: '10.0.0.1', ...connection},
  ]);
});

test('what was there before is not judged', async () => {
  let table = entry('10.1.0.9', '10.1.0.2', 3306);
  const items = [namespace, policy, pod('database', '10.1.0.2')];
  const watch = new ConnectionWatch({
    exec: (command) => Promise.resolve(command[0] === 'cat' ? table : NODE),
    kubectl: () => Promise.resolve(JSON.stringify({items})),
  });
  await watch.start();
  expect(await watch.stop()).toEqual([]);
  table += entry('10.1.0.8', '10.1.0.2', 3306);
  expect((await watch.stop()).map(({client}) => client)).toEqual(['10.1.0.8']);
});

test('a Service without endpoints reaches nothing', async () => {
  const egress = {...policy, spec: {podSelector: {}, policyTypes: ['Egress'], egress: []}};
  const service = {kind: 'Service', metadata: {name: 'database', namespace: 'apis'}, spec: {clusterIPs: ['10.2.0.1']}};
  const items = [namespace, egress, service, pod('api', '10.1.0.1')];
  const watch = new ConnectionWatch({
    exec: (command) =>
      Promise.resolve(
        command[0] === 'cat' ? entry('10.1.0.1', '10.2.0.1', 3306) + entry('10.1.0.1', '10.2.0.2', 3306) : NODE,
      ),
    kubectl: () => Promise.resolve(JSON.stringify({items})),
  });
  expect((await watch.stop()).map(({server}) => server)).toEqual(['10.2.0.2']);
});

test('a pod that connects before its address is in its status is judged by its name', async () => {
  const items = [namespace, policy, pod('database', '10.1.0.2')];
  const watch = new ConnectionWatch({
    exec: (command) =>
      Promise.resolve(
        command[0] === 'cat' ? entry('10.1.0.1', '10.1.0.2', 3306) + entry('10.1.0.3', '10.1.0.2', 3306) : NODE,
      ),
    kubectl: () => Promise.resolve(JSON.stringify({items})),
  });
  await watch.look();
  items.push(pod('api', '10.1.0.1'));
  const connection = {server: 'apis/database', protocol: 'TCP', port: 3306};
  expect(await watch.stop()).toEqual([
    {client: 'apis/api', ...connection},
    {client: '10.1.0.3', ...connection, refused: 'no ingress rule of apis/database admits it'},
  ]);
});

test('what a server sends late is no connection of its own, and what it opens is', async () => {
  const egress = {
    ...policy,
    spec: {podSelector: {matchLabels: {app: 'database'}}, policyTypes: ['Egress'], egress: []},
  };
  const items = [namespace, egress, pod('database', '10.1.0.2'), pod('api', '10.1.0.1')];
  let table = entry('10.1.0.1', '10.1.0.2', 3306);
  const watch = new ConnectionWatch({
    exec: (command) => Promise.resolve(command[0] === 'cat' ? table : NODE),
    kubectl: () => Promise.resolve(JSON.stringify({items})),
  });
  await watch.look();
  const late = 'src=10.1.0.2 dst=10.1.0.1 sport=3306 dport=50000 src=10.1.0.1 dst=10.1.0.2 sport=50000 dport=3306 ';
  table = `ipv4     2 tcp      6 299 ESTABLISHED ${late}mark=0 zone=0 use=2\n${entry('10.1.0.2', '10.1.0.1', 9999)}`;
  const refused = (await watch.stop()).filter((seen) => seen.refused !== undefined);
  expect(refused.map(({client, server, port}) => [client, server, port])).toEqual([
    ['apis/database', 'apis/api', 9999],
  ]);
});

test('what keeps it from looking is told in the end', async () => {
  const watch = new ConnectionWatch({
    exec: () => Promise.reject(new Error('no such table')),
    kubectl: () => Promise.resolve('{"items": []}'),
  });
  await expect(watch.stop()).rejects.toThrow('no such table');
});
