import {describe, expect, test} from '@jest/globals';
import {groupPath, parseHierarchies} from './cgroups.ts';

const VERSION_1 = {
  mountInfo: `25 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 25 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
`,
  cgroup: '4:memory:/limited/a\n3:cpu,cpuacct:/\n2:name=systemd:/user.slice\n0::/user.slice\n',
};

describe('control groups', () => {
  test('of version 1 are named by their controllers, below the own group', () => {
    const found = parseHierarchies(VERSION_1.mountInfo, VERSION_1.cgroup);
    expect(found.map(({type, options}) => `${type} ${options}`)).toEqual([
      'cgroup cpu,cpuacct',
      'cgroup memory',
      'cgroup none,name=systemd',
      'cgroup2 defaults',
    ]);
    expect(found.map((hierarchy) => groupPath(hierarchy, 'x'))).toEqual([
      '/sys/fs/cgroup/cpu,cpuacct/x',
      '/sys/fs/cgroup/memory/limited/a/x',
      '/sys/fs/cgroup/systemd/user.slice/x',
      '/sys/fs/cgroup/unified/x',
    ]);
  });

  test('of version 2 alone are one hierarchy', () => {
    const mountInfo = '30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
    expect(parseHierarchies(mountInfo, '0::/user.slice/session-1.scope\n')).toEqual([
      {type: 'cgroup2', mountPoint: '/sys/fs/cgroup', options: 'defaults', parent: '/'},
    ]);
  });
});
