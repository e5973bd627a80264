import {z} from 'zod';

import {
  GROUP,
  maintenanceApiSpec,
  maintenanceApiStatus,
  NAME_PATTERN,
  RESERVED_NAME_ENDINGS,
  VERSION,
} from '../../operator/src/api/v1alpha1/index.ts';
import {toStructural, type Node, type Schema} from './schema.ts';

/** A column of `kubectl get`; priority 1 is shown by `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'date' | 'integer';
  readonly description: string;
  readonly jsonPath: string;
  readonly priority?: 1;
}

/** A CustomResourceDefinition with one version. */
export interface Crd {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: {readonly name: string; readonly labels: Readonly<Record<string, string>>};
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly scope: 'Namespaced';
    readonly versions: readonly [
      {
        readonly name: string;
        readonly served: true;
        readonly storage: true;
        readonly subresources: {readonly status: Readonly<Record<string, never>>};
        readonly additionalPrinterColumns: readonly PrinterColumn[];
        readonly schema: {readonly openAPIV3Schema: Schema};
      },
    ];
  };
}

const condition = (type: string) => `.status.conditions[?(@.type=="${type}")].status`;

const columns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    description: 'Whether the cluster is what the spec asks for.',
    jsonPath: condition('Ready'),
  },
  {
    name: 'Available',
    type: 'string',
    description: 'Available pods of those wanted.',
    jsonPath: '.status.summary.available',
  },
  {name: 'Revision', type: 'string', description: 'The serving revision.', jsonPath: '.status.summary.revision'},
  {name: 'SLO', type: 'string', description: 'The worst state of the objectives.', jsonPath: '.status.summary.slo'},
  {
    name: 'Budget',
    type: 'string',
    description: 'The smallest share of an error budget that is left.',
    jsonPath: '.status.summary.budget',
  },
  {
    name: 'Database',
    type: 'string',
    description: 'State of the database.',
    jsonPath: '.status.summary.database',
    priority: 1,
  },
  {
    name: 'Remediation',
    type: 'string',
    description: 'What remediation does now.',
    jsonPath: '.status.summary.remediation',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    description: 'What a person should read first.',
    jsonPath: '.status.summary.message',
    priority: 1,
  },
  {
    name: 'Age',
    type: 'date',
    description: 'Since when it exists.',
    jsonPath: '.metadata.creationTimestamp',
  },
];

const schemaOf = (type: z.ZodType, path: string): Schema =>
  toStructural(z.toJSONSchema(type, {target: 'openapi-3.0', io: 'input'}), path);

const nameRule = {
  rule: `self.metadata.name.matches('${NAME_PATTERN}')`,
  message:
    'metadata.name must begin with a letter, have at most 40 lower-case letters, digits and hyphens, and not end with a hyphen: the names of what is made for it are longer',
};

const endingRule = {
  rule: RESERVED_NAME_ENDINGS.map((ending) => `!self.metadata.name.endsWith('${ending}')`).join(' && '),
  message: `metadata.name must not end with ${RESERVED_NAME_ENDINGS.join(' or ')}: the database of another MaintenanceApi may have that name`,
};

/** The CustomResourceDefinition of MaintenanceApi, from its zod schemas. */
export function maintenanceApiCrd(): Crd {
  const openAPIV3Schema: Schema = {
    description: 'A maintenance tasks API with its database, kept inside its service level objectives.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: {description: 'Version of this schema.', type: 'string'},
      kind: {description: 'MaintenanceApi.', type: 'string'},
      metadata: {type: 'object'},
      spec: schemaOf(maintenanceApiSpec, 'spec'),
      status: schemaOf(maintenanceApiStatus, 'status'),
    },
    'x-kubernetes-validations': [nameRule, endingRule],
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `maintenanceapis.${GROUP}`,
      labels: {'app.kubernetes.io/name': 'maintenance-api-operator', 'app.kubernetes.io/component': 'crd'},
    },
    spec: {
      group: GROUP,
      names: {
        kind: 'MaintenanceApi',
        listKind: 'MaintenanceApiList',
        plural: 'maintenanceapis',
        singular: 'maintenanceapi',
        shortNames: ['mapi'],
        categories: ['maintenance'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: {status: {}},
          additionalPrinterColumns: columns,
          schema: {openAPIV3Schema},
        },
      ],
    },
  };
}

/** The schema that an object of this kind is held to, as the root of {@link nodes}. */
export function rootOf(crd: Crd): Node {
  return {path: '', schema: crd.spec.versions[0].schema.openAPIV3Schema, required: true};
}
