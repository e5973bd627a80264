import * as z from 'zod';
import {rules} from './cel.ts';
import {annotationMap, noneReserved, objectName} from './kubernetes.ts';

/** A Gateway, or one of its listeners, to which a route is attached. */
const parentRef = z.object({
  name: objectName.describe('Name of the Gateway.'),
  namespace: objectName.optional().describe("Its namespace; the MaintenanceApi's own where unset."),
  sectionName: objectName.optional().describe('The listener; every one that admits the route where unset.'),
});

/** How clients outside of the cluster reach the API. */
export const exposure = z
  .object({
    host: z
      .string()
      .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$/)
      .max(253)
      .describe('Name by which clients reach the API, such as tasks.example.com.'),
    ingress: z
      .object({
        className: objectName
          .optional()
          .describe("IngressClass whose controller serves it; the cluster's default where unset."),
        annotations: annotationMap(32)
          .optional()
          .describe('Annotations of the Ingress: settings of its controller, or of cert-manager.'),
      })
      .optional()
      .describe('The Ingress that is made; also where neither it nor a gateway is set.')
      .meta(rules(noneReserved('annotations'))),
    gateway: z
      .object({
        parentRef: parentRef.describe('The Gateway that serves it.'),
      })
      .optional()
      .describe('An HTTPRoute is made instead of an Ingress; the cluster must have the Gateway API.'),
    tls: z
      .object({
        secretName: objectName.describe(
          "Secret with the certificate and key, in the MaintenanceApi's namespace; cert-manager makes it where an annotation asks for it.",
        ),
      })
      .optional()
      .describe('HTTPS. Without it the Ingress speaks HTTP; a Gateway has certificates of its own.'),
  })
  .describe('Where clients outside of the cluster reach the API: paths below /api of one host.')
  .meta(
    rules(
      {rule: '!(has(self.ingress) && has(self.gateway))', message: 'at most one of ingress and gateway may be set'},
      {
        rule: '!(has(self.tls) && has(self.gateway))',
        message: "tls must be unset with gateway: the listener of the Gateway has the host's certificate",
      },
    ),
  );
