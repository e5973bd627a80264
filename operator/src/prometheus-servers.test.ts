import {describe, expect, test} from '@jest/globals';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {ConfigError} from './config.ts';
import {loadPrometheusServers, readPrometheusServers} from './prometheus-servers.ts';

const MAIN = {name: 'main', url: 'https://prometheus.monitoring.svc:9090/prefix', namespaceLabelEnforced: true};
const text = (...servers: object[]): string => JSON.stringify({prometheus: servers});

describe('the Prometheus servers', () => {
  test('are read from YAML', () => {
    const yaml = `
prometheus:
  - name: main
    url: https://prometheus.monitoring.svc:9090
    caFile: /etc/maintenance-api/prometheus/ca.crt
    bearerTokenFile: /etc/maintenance-api/prometheus/token
    namespaceLabelEnforced: true
  - {name: other, url: 'http://127.0.0.1:9090', namespaceLabelEnforced: true}
`;
    expect(readPrometheusServers(yaml)).toMatchObject([
      {name: 'main', caFile: '/etc/maintenance-api/prometheus/ca.crt'},
      {name: 'other', url: 'http://127.0.0.1:9090'},
    ]);
  });

  test.each<[what: string, text: string, says: string]>([
    ['no YAML', 'prometheus: [', 'must be YAML'],
    ['nothing', '', 'expected object'],
    ['an unknown member', text({...MAIN, insecure: true}), '"insecure"'],
    ['a name that no spec can have', text({...MAIN, name: 'Main'}), 'prometheus.0.name must be lower-case'],
    ['a name twice', text(MAIN, MAIN), 'prometheus must not have a name twice'],
    ['a file', text({...MAIN, url: 'file:///etc/passwd'}), 'prometheus.0.url must be an http or https URL'],
    ['a password in the URL', text({...MAIN, url: 'https://a:b@c'}), 'must have no query, fragment, user or password'],
    ['a query in the URL', text({...MAIN, url: 'https://a/?b=c'}), 'must have no query, fragment, user or password'],
    ['a relative file', text({...MAIN, caFile: 'ca.crt'}), 'prometheus.0.caFile must be an absolute path'],
    [
      'a token over http',
      text({...MAIN, url: 'http://a', bearerTokenFile: '/token'}),
      'prometheus.0.bearerTokenFile must not be set with an http URL',
    ],
    [
      'series that tenants can forge',
      text({...MAIN, namespaceLabelEnforced: false}),
      'prometheus.0.namespaceLabelEnforced must be true: declare it once',
    ],
    [
      'no word on who gives the namespace',
      text({name: 'main', url: 'https://a'}),
      'prometheus.0.namespaceLabelEnforced must be true: declare it once',
    ],
  ])('must not be %s', (_what, wrong, says) => {
    expect(() => readPrometheusServers(wrong)).toThrow(ConfigError);
    expect(() => readPrometheusServers(wrong)).toThrow(says);
  });

  test('are none without a file, and those of the file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-servers-'));
    try {
      const path = join(folder, 'servers.yaml');
      expect(await loadPrometheusServers(undefined)).toEqual([]);
      expect(await loadPrometheusServers(path)).toEqual([]);
      await writeFile(path, text(MAIN));
      expect(await loadPrometheusServers(path)).toEqual([
        {name: MAIN.name, url: MAIN.url, namespaceLabelEnforced: true},
      ]);
      await writeFile(path, text({...MAIN, url: 'nowhere'}));
      await expect(loadPrometheusServers(path)).rejects.toThrow(ConfigError);
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});
