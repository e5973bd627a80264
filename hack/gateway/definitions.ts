import {goModuleFiles} from '../lib/go-module.ts';
import type {Progress} from '../lib/progress.ts';

/**
 * The Gateway API's definition of HTTPRoute, of its standard channel.
 *
 * @returns the text of the manifest
 * @throws CommandError when the module that has it can't be fetched
 */
export async function gatewayDefinitions(progress: Progress): Promise<readonly string[]> {
  return goModuleFiles(
    {
      module: 'sigs.k8s.io/gateway-api',
      version: 'v1.4.1',
      files: ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
      purpose: 'fetches the definitions of the Gateway API',
    },
    progress,
  );
}
