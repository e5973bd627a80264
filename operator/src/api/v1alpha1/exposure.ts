import * as z from 'zod';
import {rules} from './cel.ts';
import {annotationMap, noneReserved, objectName} from './kubernetes.ts';

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
      .prefault({})
      .describe('The Ingress that is made.')
      .meta(rules(noneReserved('annotations'))),
    tls: z
      .object({
        secretName: objectName.describe(
          "Secret with the certificate and key, in the MaintenanceApi's namespace; cert-manager makes it where an annotation asks for it.",
        ),
      })
      .optional()
      .describe('HTTPS. Without it the Ingress speaks HTTP.'),
  })
  .describe('Where clients outside of the cluster reach the API: paths below /api of one host.');
