import {expect, test} from '@jest/globals';
import {parseConntrack} from './conntrack.ts';

test('a connection to a Service is one to the pod that answers', () => {
  const table = [
    'ipv4     2 tcp      6 86394 ESTABLISHED src=10.244.0.7 dst=10.96.44.1 sport=41234 dport=80 src=10.244.0.9 dst=10.244.0.7 sport=8080 dport=41234 [ASSURED] mark=0 zone=0 use=2',
    'ipv4     2 udp      17 21 src=10.244.0.7 dst=10.96.0.10 sport=5353 dport=53 src=10.244.0.2 dst=10.244.0.7 sport=53 dport=5353 mark=0 zone=0 use=2',
    'ipv4     2 tcp      6 117 SYN_SENT src=10.244.0.7 dst=10.244.0.8 sport=50000 dport=3306 [UNREPLIED] src=10.244.0.8 dst=10.244.0.7 sport=3306 dport=50000 mark=0 zone=0 use=2',
    'ipv4     2 icmp     1 29 src=10.244.0.7 dst=10.244.0.8 type=8 code=0 id=1 src=10.244.0.8 dst=10.244.0.7 type=0 code=0 id=1 mark=0 use=2',
    '',
  ].join('\n');
  expect(parseConntrack(table)).toEqual([
    {protocol: 'TCP', client: '10.244.0.7', clientPort: 41234, server: '10.244.0.9', port: 8080},
    {protocol: 'UDP', client: '10.244.0.7', clientPort: 5353, server: '10.244.0.2', port: 53},
    {protocol: 'TCP', client: '10.244.0.7', clientPort: 50000, server: '10.244.0.8', port: 3306},
  ]);
});
