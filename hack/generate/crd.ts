import {z} from 'zod';

import {
  GROUP,
  maintenanceApiBackupSpec,
  maintenanceApiBackupStatus,
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
    name: 'Backup',
    type: 'date',
    description: 'When the newest backup was complete.',
    jsonPath: '.status.backup.last.completedAt',
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

interface Definition {
  readonly names: Crd['spec']['names'];
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly columns: readonly PrinterColumn[];
  readonly rules: readonly {readonly rule: string; readonly message: string}[];
}

function define({names, description, spec, status, columns: additionalPrinterColumns, rules}: Definition): Crd {
  const openAPIV3Schema: Schema = {
    description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: {description: 'Version of this schema.', type: 'string'},
      kind: {description: `${names.kind}.`, type: 'string'},
      metadata: {type: 'object'},
      spec: schemaOf(spec, 'spec'),
      status: schemaOf(status, 'status'),
    },
    ...(rules.length > 0 && {'x-kubernetes-validations': rules}),
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${names.plural}.${GROUP}`,
      labels: {'app.kubernetes.io/name': 'maintenance-api-operator', 'app.kubernetes.io/component': 'crd'},
    },
    spec: {
      group: GROUP,
      names,
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: {status: {}},
          additionalPrinterColumns,
          schema: {openAPIV3Schema},
        },
      ],
    },
  };
}

/** The CustomResourceDefinition of MaintenanceApi, from its zod schemas. */
export function maintenanceApiCrd(): Crd {
  return define({
    names: {
      kind: 'MaintenanceApi',
      listKind: 'MaintenanceApiList',
      plural: 'maintenanceapis',
      singular: 'maintenanceapi',
      shortNames: ['mapi'],
      categories: ['maintenance'],
    },
    description: 'A maintenance tasks API with its database, kept inside its service level objectives.',
    spec: maintenanceApiSpec,
    status: maintenanceApiStatus,
    columns,
    rules: [nameRule, endingRule],
  });
}

const backupColumns: readonly PrinterColumn[] = [
  {name: 'API', type: 'string', description: 'The MaintenanceApi.', jsonPath: '.spec.maintenanceApi'},
  {name: 'Phase', type: 'string', description: 'What became of it.', jsonPath: '.status.phase'},
  {name: 'Bytes', type: 'integer', description: 'Size of the stored object.', jsonPath: '.status.bytes'},
  {name: 'Rows', type: 'integer', description: 'Number of rows in all its tables.', jsonPath: '.status.rows'},
  {name: 'Key', type: 'string', description: 'Which encryption key opens it.', jsonPath: '.status.keyId'},
  {name: 'Completed', type: 'date', description: 'When it was complete.', jsonPath: '.status.completedAt'},
  {
    name: 'Manifest',
    type: 'string',
    description: 'Key of its manifest in the bucket.',
    jsonPath: '.status.manifestKey',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    description: 'Why there is no backup.',
    jsonPath: '.status.message',
    priority: 1,
  },
  {name: 'Age', type: 'date', description: 'Since when it exists.', jsonPath: '.metadata.creationTimestamp'},
];

/** The CustomResourceDefinition of MaintenanceApiBackup, from its zod schemas. */
export function maintenanceApiBackupCrd(): Crd {
  return define({
    names: {
      kind: 'MaintenanceApiBackup',
      listKind: 'MaintenanceApiBackupList',
      plural: 'maintenanceapibackups',
      singular: 'maintenanceapibackup',
      shortNames: ['mapib'],
      categories: ['maintenance'],
    },
    description:
      'One backup of the database of a MaintenanceApi. The operator makes one for each scheduled run that succeeded; create one to have a backup made now. It is kept when the MaintenanceApi is deleted.',
    spec: maintenanceApiBackupSpec,
    status: maintenanceApiBackupStatus,
    columns: backupColumns,
    rules: [],
  });
}

/** The schema that an object of this kind is held to, as the root of {@link nodes}. */
export function rootOf(crd: Crd): Node {
  return {path: '', schema: crd.spec.versions[0].schema.openAPIV3Schema, required: true};
}
