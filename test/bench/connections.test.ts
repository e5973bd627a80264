import {expect, test} from '@jest/globals';
import {countedPackets} from './connections.ts';

const LISTING = `Chain PREROUTING (policy ACCEPT 1200 packets, 160000 bytes)
    pkts      bytes target     prot opt in     out     source               destination
      12      720            tcp  --  *      *       10.244.0.9           10.96.0.1            tcp flags:0x17/0x02 /* bench */
       3      180            tcp  --  *      *       10.244.0.8           10.96.0.1            tcp flags:0x17/0x02 /* bench */
     400    24000 ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0            /* another */
`;

test('packets are summed over the rules with the comment', () => {
  expect(countedPackets(LISTING, 'bench')).toBe(15);
});

test('a rule that is gone is an error, not zero', () => {
  expect(() => countedPackets(LISTING, 'missing')).toThrow('no rule missing');
});
