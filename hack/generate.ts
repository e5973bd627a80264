/** `npm run generate`: writes everything that is made from the API's types and catalogues. */
import {glob, mkdir, readFile, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {stringify} from 'yaml';

import {apiPage} from './generate/api.ts';
import {backupPage} from './generate/backup-page.ts';
import {alertsPage, conditionsPage, eventsPage, labelsPage, metricsPage} from './generate/catalogues.ts';
import {maintenanceApiBackupCrd, maintenanceApiCrd} from './generate/crd.ts';
import {docsIndex} from './generate/docs-index.ts';
import {FAULTS, faultsPage, faultTable, type FaultTable} from './generate/faults-page.ts';
import {kindPage} from './generate/reference.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Definitions by the name of their file. */
const CRDS = {
  'maintenance-api.io_maintenanceapis.yaml': maintenanceApiCrd(),
  'maintenance-api.io_maintenanceapibackups.yaml': maintenanceApiBackupCrd(),
};

/** kubectl reads YAML 1.1, where an unquoted On is a boolean. */
function yaml(value: unknown, source: string): string {
  const text = stringify(value, {version: '1.1', lineWidth: 0, aliasDuplicateObjects: false});
  return `# Generated from ${source} by \`npm run generate\`; edit that instead.\n${text}`;
}

/** The pages that people write: what is below docs/ now. */
async function writtenPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  for await (const path of glob('docs/**/*.md', {cwd: root})) pages.set(path, await readFile(join(root, path), 'utf8'));
  return pages;
}

/** What tests saw of the faults that they inject. */
async function faultTables(): Promise<FaultTable[]> {
  const paths: string[] = [];
  for await (const path of glob(`${FAULTS}/*.json`, {cwd: root})) paths.push(path);
  return Promise.all(
    paths.sort().map(async (path) => faultTable.parse(JSON.parse(await readFile(join(root, path), 'utf8')))),
  );
}

/**
 * What every generated file must hold, by its path in the repository. It writes nothing, so that a check can compare.
 *
 * @throws {NotStructural} when a zod type can't be said in a CustomResourceDefinition
 */
export async function generate(): Promise<Map<string, string>> {
  const reference = new Map([
    ['docs/API.md', apiPage()],
    ['docs/reference/alerts.md', alertsPage()],
    ['docs/reference/backup-failures.md', backupPage()],
    ['docs/reference/metrics.md', metricsPage()],
    ['docs/reference/maintenance-api.md', kindPage(maintenanceApiCrd())],
    ['docs/reference/maintenance-api-backup.md', kindPage(maintenanceApiBackupCrd())],
    ['docs/reference/conditions.md', conditionsPage()],
    ['docs/reference/events.md', eventsPage()],
    ['docs/reference/faults.md', faultsPage(await faultTables())],
    ['docs/reference/labels.md', labelsPage()],
  ]);
  return new Map([
    ...Object.entries(CRDS).map(([file, crd]): [string, string] => [
      `crds/${file}`,
      yaml(crd, 'operator/src/api/v1alpha1'),
    ]),
    [
      'crds/kustomization.yaml',
      yaml(
        {apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: Object.keys(CRDS)},
        'hack/generate.ts',
      ),
    ],
    ...reference,
    ['docs/README.md', docsIndex(new Map([...(await writtenPages()), ...reference]))],
  ]);
}

if (import.meta.main) {
  for (const [path, content] of await generate()) {
    await mkdir(dirname(join(root, path)), {recursive: true});
    await writeFile(join(root, path), content);
    console.log(path);
  }
}
