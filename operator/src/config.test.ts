import {describe, expect, test} from '@jest/globals';
import {ConfigError, readConfig} from './config.ts';

const IN_A_POD = {KUBERNETES_SERVICE_HOST: '10.96.0.1', POD_NAMESPACE: 'maintenance', POD_NAME: 'operator-1'};

describe('the configuration', () => {
  test('in a pod: fixed ports on every address, named after the pod', () => {
    expect(readConfig(IN_A_POD)).toEqual({
      watchNamespaces: [],
      namespace: 'maintenance',
      identity: expect.stringMatching(/^operator-1_\d+_\d+$/),
      logLevel: 'info',
      metricsPort: 8080,
      healthPort: 8081,
      healthHost: '0.0.0.0',
      inCluster: true,
      workers: expect.any(Number),
      prometheusServersFile: undefined,
      podName: 'operator-1',
      image: undefined,
    });
  });

  test('on a laptop: free ports of the loopback interface', () => {
    expect(readConfig({})).toMatchObject({
      ...{inCluster: false, healthHost: '127.0.0.1', metricsPort: 0, healthPort: 0},
      namespace: 'maintenance-api-system',
      ...{podName: undefined, image: undefined},
    });
  });

  test('takes what is set', () => {
    const env = {
      WATCH_NAMESPACES: ' a, b-2 ,,c',
      LOG_LEVEL: 'debug',
      METRICS_PORT: '9000',
      HEALTH_PORT: '9001',
      OPERATOR_IMAGE: 'a:1',
    };
    expect(readConfig({...IN_A_POD, ...env})).toMatchObject({
      ...{watchNamespaces: ['a', 'b-2', 'c'], logLevel: 'debug', metricsPort: 9000, healthPort: 9001, image: 'a:1'},
    });
  });

  test('takes empty as not set, as a manifest leaves it', () => {
    const env = {WATCH_NAMESPACES: '', LOG_LEVEL: '', METRICS_PORT: '', HEALTH_PORT: '', OPERATOR_IMAGE: ''};
    expect(readConfig({...IN_A_POD, ...env})).toMatchObject({
      ...{watchNamespaces: [], logLevel: 'info', metricsPort: 8080, healthPort: 8081, image: undefined},
    });
  });
});

describe('a variable that can not be used', () => {
  test.each([
    ['LOG_LEVEL', 'loud', 'one of debug, info, warn, error'],
    ['METRICS_PORT', '65536', 'a port between 0 and 65535'],
    ['METRICS_PORT', '-1', 'a port'],
    ['HEALTH_PORT', '80.5', 'a port'],
    ['HEALTH_PORT', 'http', 'a port'],
    ['HEALTH_PORT', '0x50', 'a port'],
    ['WATCH_NAMESPACES', 'ok,Not_One', 'names of namespaces with commas between'],
    ['WATCH_NAMESPACES', 'a b', 'names of namespaces'],
    ['POD_NAMESPACE', 'Not_One', 'the name of a namespace'],
  ])('is named, with what it must be: %s=%s', (name, value, must) => {
    const read = (): unknown => readConfig({...IN_A_POD, [name]: value});
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name} must be ${must}`));
  });
});
