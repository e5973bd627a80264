/**
 * What can't be derived from the schema: strings for each pattern, values for each rule in the Common Expression
 * Language, and what must stand beside a value so that nothing else is wrong with the object.
 */

/** Strings on both sides of a pattern. */
export interface PatternCases {
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
  /** A string of so many characters; within the pattern where its length bound is. */
  readonly ofLength: (length: number) => string;
  /** Distinct strings within the pattern. */
  readonly nth: (index: number) => string;
}

const filled = (length: number, end = '') => 'a'.repeat(length - end.length) + end;
/** A host name of so many characters: labels of one letter, the last of one or two. */
const hostOf = (length: number) =>
  length % 2 === 0 ? `aa${'.a'.repeat((length - 2) / 2)}` : `a${'.a'.repeat((length - 1) / 2)}`;
const lettered = (index: number) => `a${index}`;

/** By the pattern's own text, so that a changed one needs new cases. */
export const patterns: Readonly<Record<string, PatternCases>> = {
  // An image with a tag or digest.
  [String.raw`^[a-zA-Z0-9][\w.-]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]{0,127}|(:\w[\w.-]{0,127})?@sha256:[a-f0-9]{64})$`]:
    {
      accepted: [
        'mysql:8.4',
        'localhost:5000/a/b__c/d-e:1.0_2',
        `example.com/a@sha256:${'0'.repeat(64)}`,
        `a:1@sha256:${'f'.repeat(64)}`,
        `a:${'1'.repeat(128)}`,
      ],
      refused: [
        'mysql',
        'example.com/a/b',
        'a:',
        'a b:1',
        'a/B:1',
        '/a:1',
        'a//b:1',
        `a@sha256:${'0'.repeat(63)}`,
        `a:${'1'.repeat(129)}`,
        'a:1\n',
      ],
      ofLength: (length) => filled(length, ':1'),
      nth: (index) => `a:${index}`,
    },
  // Name of an object.
  '^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$': {
    accepted: ['a', '0', 'a-b.c'],
    refused: ['', 'A', '-a', 'a-', 'a_b', 'a/b'],
    ofLength: filled,
    nth: lettered,
  },
  // Key of a Secret or ConfigMap.
  '^[-._a-zA-Z0-9]+$': {accepted: ['a', 'A.b-c_d', '.'], refused: ['', 'a b', 'a/b'], ofLength: filled, nth: lettered},
  // Name of a variable.
  '^[A-Za-z_][A-Za-z0-9_]*$': {
    accepted: ['a', '_A1'],
    refused: ['', '1A', 'A-B', 'A B'],
    ofLength: filled,
    nth: lettered,
  },
  // A quantity. The accepted ones are large enough for a volume.
  [String.raw`^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]{1,2})?$`]: {
    accepted: ['1Gi', '1.5Gi', '.5Gi', '1.5e9', '300000000', '900000000000m'],
    refused: ['', '-1Gi', '+1Gi', '1 Gi', '1gi', 'Gi', '.', '1e100', '1Gib'],
    ofLength: (length) => `1${'0'.repeat(length - 1)}`,
    nth: (index) => `${index + 1}Gi`,
  },
  // Key of a taint or label.
  '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$': {
    accepted: ['a', 'A_b.c-d', 'example.com/a', filled(63), `${filled(253)}/a`],
    refused: ['', '-a', 'a-', 'a/b/c', 'A/b', '/a', 'a/', filled(64), `${filled(254)}/a`],
    ofLength: (length) => `${filled(length - 64)}/${filled(63)}`,
    nth: lettered,
  },
  // Value of a label.
  '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$': {
    accepted: ['', 'a', 'A_b.c-d'],
    refused: ['-a', 'a-', 'a b', 'a/b'],
    ofLength: filled,
    nth: lettered,
  },
  // Name of a schema.
  '^[a-z][a-z0-9_]*$': {
    accepted: ['a', 'tasks_db', 'a1'],
    refused: ['', '1a', '_a', 'A', 'a-b', 'a`b'],
    ofLength: filled,
    nth: lettered,
  },
  // An objective in percent.
  [String.raw`^9[0-9](\.[0-9]{1,3})?$`]: {
    accepted: ['90', '99.9', '99.999'],
    refused: ['', '100', '89.9', '99.', '9.99', '99,9'],
    ofLength: (length) => `99.${'9'.repeat(length - 3)}`,
    nth: (index) => `9${index}`,
  },
  // The page with the runbooks.
  [String.raw`^https?://[^\s"#\\{}]+$`]: {
    accepted: ['http://a', 'https://runbooks.example.com/alerts.md?plain=1'],
    refused: [
      '',
      'a',
      'ftp://a',
      'https://',
      'https://a b',
      'https://a#b',
      'https://a"',
      'https://{{ query "up" }}',
      'https://a\n',
    ],
    ofLength: (length) => `https://${filled(length - 8)}`,
    nth: (index) => `https://a/${index}`,
  },
  // A host name.
  [String.raw`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$`]: {
    accepted: ['a.b', 'tasks.example.com', 'xn--a-1.example', `${filled(63)}.b`],
    refused: [
      '',
      'localhost',
      'A.b',
      '*.example.com',
      'a..b',
      '-a.b',
      'a-.b',
      'a.b.',
      'https://a.b',
      `${filled(64)}.b`,
    ],
    ofLength: hostOf,
    nth: (index) => `a${index}.example.com`,
  },
  // Host name of a database: not an address.
  [String.raw`^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`]: {
    accepted: ['db', 'db.example.com', 'mysql.team-a.svc', '1.db', `${filled(63)}.b`],
    refused: ['', '10.0.0.1', '2001:db8::1', 'A', 'a_b', 'a..b', '-a', 'a-', 'a.b.', 'a:3306', `${filled(64)}.b`],
    ofLength: hostOf,
    nth: (index) => `db${index}`,
  },
  // A range of addresses.
  [String.raw`^[0-9a-fA-F.:]+/[0-9]{1,3}$`]: {
    accepted: ['10.0.0.0/8', '2001:db8::/64', '0.0.0.0/0'],
    refused: ['', '10.0.0.0', '/8', 'example.com/8', '10.0.0.0/', '10.0.0.0/1000'],
    ofLength: (length) => `${'1'.repeat(length - 2)}/8`,
    nth: (index) => `10.${index}.0.0/16`,
  },
  // Name of a bucket.
  '^[a-z0-9][-.a-z0-9]*[a-z0-9]$': {
    accepted: ['ab', 'a-b.c1', 'backups'],
    refused: ['', 'a', 'A-b', '-ab', 'ab-', 'a_b', 'a/b'],
    ofLength: filled,
    nth: lettered,
  },
  // What every key in a bucket begins with.
  [String.raw`^([-\w.]+(/[-\w.]+)*)?$`]: {
    accepted: ['', 'a', 'a/b-c/D_1.e'],
    refused: ['/', '/a', 'a/', 'a//b', 'a b', 'a\\b'],
    ofLength: filled,
    nth: lettered,
  },
  // A region.
  '^[a-z0-9]+(-[a-z0-9]+)*$': {
    accepted: ['eu-central-1', 'auto', '1'],
    refused: ['', 'EU', '-a', 'a-', 'a--b', 'a.b'],
    ofLength: filled,
    nth: lettered,
  },
  // URL of a storage.
  [String.raw`^https?://[a-z0-9]([-.a-z0-9]*[a-z0-9])?(:[0-9]{1,5})?$`]: {
    accepted: ['http://a', 'https://s3.example.com', 'http://storage.team-a.svc:7070'],
    refused: [
      '',
      'a',
      's3://a',
      'https://',
      'https://a/b',
      'https://a:',
      'https://a:123456',
      'https://u@a',
      'https://A',
    ],
    ofLength: (length) => `https://${filled(length - 8)}`,
    nth: (index) => `https://a${index}`,
  },
  // When backups are made.
  '^[*/,0-9-]+( [*/,0-9-]+){4}$': {
    accepted: ['0 2 * * *', '*/5 0-6 1,15 * 1-5'],
    refused: ['', '0 2 * *', '0 2 * * * *', '@daily', '0 2 * * MON', '0  2 * * *', '0 2 * * * '],
    ofLength: (length) => `${'0'.repeat(length - 8)} 2 * * *`,
    nth: (index) => `${index} 2 * * *`,
  },
  // A time zone.
  [String.raw`^[A-Za-z][-+\w]*(/[-+\w]+)*$`]: {
    accepted: ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3'],
    refused: ['', '/UTC', 'Europe/', 'Europe Berlin', '+01:00', '1'],
    ofLength: filled,
    nth: lettered,
  },
  // A share of errors in percent.
  [String.raw`^(0\.(00[1-9]|0[1-9][0-9]?|[1-9][0-9]{0,2})|[1-9](\.[0-9]{1,3})?)$`]: {
    accepted: ['0.001', '0.01', '0.1', '1', '9.999'],
    refused: ['', '0', '0.0', '0.000', '10', '1.', '-1'],
    ofLength: (length) => `1.${'0'.repeat(length - 2)}`,
    nth: (index) => `${index + 1}`,
  },
};

/** Strings on both sides of a format. */
export const formats: Readonly<Record<string, PatternCases>> = {
  'date-time': {
    accepted: ['2026-11-23T05:00:00Z', '2026-11-23T05:00:00.123456+01:00'],
    refused: ['', '2026-11-23', '05:00:00', 'yesterday', '2026-13-01T00:00:00Z'],
    ofLength: (length) => `2026-11-23T05:00:00.${'1'.repeat(length - 26)}+00:00`,
    nth: (index) => `2026-11-23T05:00:${String(index).padStart(2, '0')}Z`,
  },
};

/** Values where the least one that the schema allows isn't valid by itself. */
export const samples: Readonly<Record<string, unknown>> = {
  'spec.networkPolicy.ingressFrom[]': {podSelector: {}},
  'spec.networkPolicy.metricsFrom[]': {podSelector: {}},
  'spec.networkPolicy.egressTo[].to[]': {podSelector: {}},
  'spec.podTemplate.tolerations[]': {key: 'a', effect: 'NoExecute'},
};

/** What an item of a list is where this member of it is on trial. */
export const samplesWith: Readonly<Record<string, object>> = Object.fromEntries(
  ['ingressFrom', 'metricsFrom', 'egressTo[].to'].map((list) => [
    `spec.networkPolicy.${list}[].ipBlock`,
    {ipBlock: {cidr: '10.0.0.0/8'}},
  ]),
);

/** What must stand beside whatever is at a path or below it, so that it is the only thing on trial. */
export const beside: Readonly<Record<string, object>> = {
  'spec.resources': {spec: {replicas: 1}},
  'spec.database.external': {spec: {replicas: 1, database: {connectionsPerReplica: 2}}},
  'spec.autoscaling.minReplicas': {spec: {autoscaling: {maxReplicas: 1000}}},
  'spec.autoscaling.maxReplicas': {spec: {autoscaling: {minReplicas: 1}}},
  'spec.autoscaling.scaleUp.cpuPercent': {spec: {autoscaling: {scaleDown: {cpuPercent: 1}}}},
  'spec.autoscaling.scaleDown.cpuPercent': {spec: {autoscaling: {scaleUp: {cpuPercent: 100}}}},
};

/** Rules that what a constraint refuses breaks too, by the constraint's id. */
export const alsoBroken: Readonly<Record<string, string>> = {
  'spec.database.external.maxConnections minimum':
    'database.external.maxConnections must be at least 30 more than database.connectionsPerReplica times the most replicas and a quarter of them, which a rollout adds',
  'spec.autoscaling.minReplicas maximum': 'minReplicas must be less than or equal to maxReplicas',
  'spec.autoscaling.maxReplicas minimum': 'minReplicas must be less than or equal to maxReplicas',
  'spec.autoscaling.scaleUp.cpuPercent minimum': 'scaleDown.cpuPercent must be less than scaleUp.cpuPercent',
  'spec.autoscaling.scaleDown.cpuPercent maximum': 'scaleDown.cpuPercent must be less than scaleUp.cpuPercent',
  'spec.database.managed.storage.size minimum': 'storage.size must be at least 256Mi',
  'spec.database.managed.storage.size pattern': 'storage.size must be at least 256Mi',
};
