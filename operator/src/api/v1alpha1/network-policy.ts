import * as z from 'zod';
import {atomicList, rules} from './cel.ts';
import {labelMap} from './kubernetes.ts';

/** Who may reach a MaintenanceApi's pods, and what they may reach. */

const selector = (what: string) =>
  z
    .object({matchLabels: labelMap(16).optional().describe('Labels that it must have; none: every one.')})
    .optional()
    .describe(what);

const cidr = z
  .string()
  .regex(/^[0-9a-fA-F.:]+\/[0-9]{1,3}$/)
  .max(49);

const peer = z
  .object({
    podSelector: selector("Pods: of the MaintenanceApi's namespace, or of those that namespaceSelector names."),
    namespaceSelector: selector('Namespaces: all their pods, or those that podSelector names.'),
    ipBlock: z
      .object({
        cidr: cidr.describe('A range of addresses, such as 10.0.0.0/8 or 2001:db8::/64.'),
        except: z.array(cidr).max(16).optional().describe('Ranges within it that are left out.').meta(atomicList),
      })
      .optional()
      .describe('Addresses outside of the cluster.'),
  })
  .meta(
    rules(
      {
        rule: 'has(self.podSelector) || has(self.namespaceSelector) || has(self.ipBlock)',
        message: 'one of podSelector, namespaceSelector and ipBlock must be set',
      },
      {
        rule: '!has(self.ipBlock) || !(has(self.podSelector) || has(self.namespaceSelector))',
        message: 'ipBlock must not be set beside podSelector or namespaceSelector',
      },
    ),
  );

const peers = (what: string) => z.array(peer).max(16).optional().describe(what).meta(atomicList);

const egressRule = z.object({
  to: peers('Where to; everywhere where unset.'),
  ports: z
    .array(
      z.object({
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP').describe('Its protocol.'),
        port: z.int().min(1).max(65535).describe('Its number, in the pod or host that is reached.'),
      }),
    )
    .max(16)
    .optional()
    .describe('Which ports; all where unset.')
    .meta(atomicList),
});

export const networkPolicy = z
  .object({
    mode: z
      .enum(['Enforce', 'Off'])
      .default('Enforce')
      .describe(
        "Enforce: NetworkPolicies refuse every connection to and from the pods but those in use. They hold where the cluster's network plug-in heeds them. Off: none are made.",
      ),
    ingressFrom: peers('Who may use the API; everyone where unset, no one where it is empty.'),
    metricsFrom: peers(
      "Who may read the API's metrics, beside the operator; every pod of the cluster where unset, no one where it is empty.",
    ),
    egressTo: z
      .array(egressRule)
      .max(16)
      .optional()
      .describe("What the API's pods may reach beside DNS and their database.")
      .meta(atomicList),
  })
  .describe('Which connections the pods may have.');

export type NetworkPeer = z.output<typeof peer>;
export type EgressRule = z.output<typeof egressRule>;
