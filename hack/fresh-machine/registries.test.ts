import {expect, test} from '@jest/globals';
import {registryEnvironment, withoutFolders} from './registries.ts';

test('of the environment only what reaches registries is kept, no folder of this machine and nothing else', () => {
  const kept = {
    https_proxy: 'http://proxy.example:3128',
    NO_PROXY: 'localhost',
    npm_config_registry: 'https://npm.example/',
    GOPROXY: 'https://go.example',
    GOFLAGS: '-buildvcs=false',
    PIP_INDEX_URL: 'https://pip.example/simple',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    DEBIAN_MIRROR: 'http://debian.example/debian',
  };
  const left = {
    PATH: '/bin',
    HOME: '/home/me',
    XDG_CACHE_HOME: '/cache',
    GOCACHE: '/go/cache',
    GOMODCACHE: '/go/mod',
    npm_config_cache: '/npm',
    npm_config_prefix: '/usr',
    npm_config_userconfig: '/home/me/.npmrc',
    npm_config_local_prefix: '/project',
    PIP_CACHE_DIR: '/pip',
    PIP_FIND_LINKS: '/wheels',
    KUBECONFIG: '/home/me/.kube/config',
    MY_SECRET: 'x',
  };
  expect(registryEnvironment({...kept, ...left})).toEqual(kept);
});

test("settings that name folders are removed from npm's and Go's files, and nothing else", () => {
  const npmrc = 'registry=https://npm.example/\ncache = /home/me/.npm\n//npm.example/:always-auth=true\nprefix=/usr\n';
  expect(withoutFolders(npmrc)).toBe('registry=https://npm.example/\n//npm.example/:always-auth=true\n');
  const goEnv = 'GOPROXY=https://go.example\nGOMODCACHE=/home/me/go/pkg/mod\nGOPATH=/home/me/go\nGOSUMDB=off\n';
  expect(withoutFolders(goEnv)).toBe('GOPROXY=https://go.example\nGOSUMDB=off\n');
});
