import {randomBytes} from 'node:crypto';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {createGroups, hierarchies, removeGroup, type Hierarchy} from '../../../hack/fresh-machine/cgroups.ts';

/** Microseconds; what kubelet sets too. */
const PERIOD = 100_000;

/** How often the kernel looked at a group, and how often it had used up its share before the period was over. */
export interface Throttling {
  readonly periods: number;
  readonly throttled: number;
}

interface Group {
  readonly type: Hierarchy['type'];
  readonly path: string;
}

/** A control group with the limits of a pod, of version 1 or 2, whichever this machine has. */
export class Limits {
  /** Put before a command, it moves itself into the group and then becomes the command. */
  readonly wrapper: readonly string[];
  readonly #cpu: Group;
  readonly #all: readonly Group[];

  private constructor(cpu: Group, all: readonly Group[]) {
    this.#cpu = cpu;
    this.#all = all;
    const enter = 'while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"';
    this.wrapper = ['sh', '-euc', enter, 'sh', ...all.map(({path}) => join(path, 'cgroup.procs')), '--'];
  }

  /**
   * Makes the group. Needs root.
   *
   * @param millicores - thousandths of a CPU
   * @param bytes - of memory
   */
  static async create(millicores: number, bytes: number): Promise<Limits> {
    const found = await hierarchies();
    const name = `maintenance-api-bench-${process.pid}-${randomBytes(4).toString('hex')}`;
    const cpu = await groupFor('cpu', found, name);
    const memory = await groupFor('memory', found, name);
    const quota = millicores * (PERIOD / 1000);
    switch (cpu.type) {
      case 'cgroup':
        await writeFile(join(cpu.path, 'cpu.cfs_period_us'), String(PERIOD));
        await writeFile(join(cpu.path, 'cpu.cfs_quota_us'), String(quota));
        break;
      case 'cgroup2':
        await writeFile(join(cpu.path, 'cpu.max'), `${quota} ${PERIOD}`);
        break;
    }
    const limit = memory.type === 'cgroup' ? 'memory.limit_in_bytes' : 'memory.max';
    await writeFile(join(memory.path, limit), String(bytes));
    return new Limits(cpu, cpu.path === memory.path ? [cpu] : [cpu, memory]);
  }

  async throttling(): Promise<Throttling> {
    const stat = await readFile(join(this.#cpu.path, 'cpu.stat'), 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1]);
    return {periods: field('nr_periods'), throttled: field('nr_throttled')};
  }

  /** Ends what is in the group, and removes it. */
  async remove(): Promise<void> {
    for (const {path} of this.#all) await removeGroup(path);
  }
}

/** Makes a group where a controller is: in its own hierarchy of version 1, else in that of version 2. */
async function groupFor(controller: string, found: readonly Hierarchy[], name: string): Promise<Group> {
  const own = found.find(({type, options}) => type === 'cgroup' && options.split(',').includes(controller));
  const hierarchy = own ?? (await unified(controller, found));
  const [path = ''] = await createGroups([hierarchy], name);
  return {type: hierarchy.type, path};
}

async function unified(controller: string, found: readonly Hierarchy[]): Promise<Hierarchy> {
  for (const hierarchy of found.filter(({type}) => type === 'cgroup2')) {
    const parent = join(hierarchy.mountPoint, hierarchy.parent);
    const controllers = await readFile(join(parent, 'cgroup.controllers'), 'utf8');
    if (!controllers.trim().split(' ').includes(controller)) continue;
    await writeFile(join(parent, 'cgroup.subtree_control'), `+${controller}`);
    return hierarchy;
  }
  throw new Error(`this machine has no control groups for ${controller}`);
}
