/** A manifest as kustomize renders it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {readonly name: string; readonly namespace?: string};
  readonly [field: string]: unknown;
}

/** A Role or ClusterRole. */
export interface Role {
  readonly kind: 'Role' | 'ClusterRole';
  readonly metadata: {readonly name: string};
  readonly rules: readonly PolicyRule[];
}

interface PolicyRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

const ESCALATING = ['escalate', 'bind', 'impersonate'];
const READ_ALL = ['list', 'watch', 'deletecollection'];

function problems({kind}: Role, rule: PolicyRule): readonly string[] {
  const {apiGroups = [], resources = [], verbs, nonResourceURLs = []} = rule;
  const secrets = resources.includes('secrets');
  const found = [
    [...apiGroups, ...resources, ...verbs].some((name) => name.includes('*')) && 'has a wildcard',
    nonResourceURLs.length > 0 && 'names a URL',
    secrets && kind === 'ClusterRole' && 'reaches Secrets in the whole cluster',
    secrets && verbs.some((verb) => READ_ALL.includes(verb)) && 'reaches Secrets without knowing their names',
    resources.includes('pods/exec') && 'runs commands in pods',
    verbs.some((verb) => ESCALATING.includes(verb)) && 'gives itself more',
  ];
  return found.filter((problem) => problem !== false);
}

/** What a role of this project may never have. */
export function rbacFindings(manifests: readonly Manifest[]): readonly string[] {
  return manifests
    .filter(({kind}) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap((manifest) => {
      const role = manifest as unknown as Role;
      return role.rules.flatMap((rule) => problems(role, rule).map((problem) => `${role.metadata.name} ${problem}`));
    });
}
