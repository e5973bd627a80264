import type {ExternalDatabase, MaintenanceApi, Reason} from '../api/v1alpha1/index.ts';
import type {DatabaseReading} from '../observe/database-probe.ts';
import type {PodProjection} from '../observe/projections.ts';
import type {ScrapeResult} from '../observe/scraper.ts';
import type {Cached} from '../runtime/index.ts';
import type {DatabaseView} from './conditions.ts';

/*
 * A database that the operator doesn't connect to (invariant 15): what is known of it is what the API's pods say, those that
 * run by their metrics, those that can't start by the last words of their migration (docs/reference/image-contract.md).
 */

/** What one pod says of its database, and when. */
export interface PodWord {
  readonly revision: string | undefined;
  /** Why it can't use its database; undefined: it can. */
  readonly cause: string | undefined;
  /** Who says so: their accounts may be others. */
  readonly by: 'api' | 'migrate';
  readonly at: number;
}

/** What all of them say. */
export interface ToldByPods {
  readonly reading: DatabaseReading;
  readonly words: readonly PodWord[];
}

/** A word of an image that somebody else made: it must not be able to say more than a word. */
const FAILING = /^database: ([a-z][a-z0-9-]{0,29})$/;
/** Readings of pods that end earlier are stale: three rounds at rest. */
const STALE_MS = 90_000;

const isOver = ({phase, terminating}: PodProjection): boolean =>
  terminating || phase === 'Failed' || phase === 'Succeeded';

/**
 * What the API's pods say now.
 *
 * @param scrapes - the operator's own readings: a Prometheus isn't asked for it
 */
export function wordsOf(
  pods: readonly Cached<PodProjection>[],
  scrapes: readonly ScrapeResult[],
  now: number,
): readonly PodWord[] {
  const byUid = new Map(scrapes.map((scrape) => [scrape.uid, scrape]));
  return pods
    .filter(({value}) => value.component === 'api' && !isOver(value))
    .flatMap(({uid, value}): PodWord[] => {
      const {revision, runningSince, initFailure} = value;
      if (runningSince === undefined) {
        const cause = FAILING.exec(initFailure ?? '')?.[1];
        return cause === undefined ? [] : [{revision, cause, by: 'migrate', at: now}];
      }
      const {failures, reading, readAt} = byUid.get(uid) ?? {};
      if (failures !== 0 || reading === undefined || readAt === undefined || now - readAt > STALE_MS) return [];
      return [{revision, cause: FAILING.exec(reading.failing ?? '')?.[1], by: 'api', at: readAt}];
    });
}

/**
 * What follows for the database, in the form in which the probe of a server of our own would tell it. One pod that can use it
 * is enough to say that it is there.
 *
 * @param before - what followed from the words before these
 * @returns undefined while no pod says anything: then nobody testifies
 */
export function toldByPods(
  before: ToldByPods | undefined,
  words: readonly PodWord[],
  {maxConnections}: Pick<ExternalDatabase, 'maxConnections'>,
): ToldByPods | undefined {
  if (words.length === 0) return undefined;
  const at = Math.max(...words.map((word) => word.at));
  const reachable = words.some(({cause}) => cause === undefined);
  const was = before?.reading;
  const since = was?.reachable === false ? was.unreachableSince : undefined;
  const reading: DatabaseReading = {
    ...{reachable, readAt: at, maxConnections, reason: reachable ? undefined : `its pods say: ${causeOf(words)}`},
    unreachableSince: reachable ? undefined : (since ?? at),
    lastOutage: reachable && since !== undefined ? {from: since, to: at} : was?.lastOutage,
    ...{serverUuid: undefined, version: undefined, startedAt: undefined},
    ...{threadsConnected: undefined, threadsRunning: undefined},
    ...{connectionErrorsMax: undefined, slowQueries: undefined, connectionsByAddress: new Map<string, number>()},
  };
  return {reading, words};
}

/** The most telling first: what a person has to change comes before what may pass. */
const CAUSES = ['credentials', 'grants', 'schema', 'certificate', 'dns', 'connection'] as const;
type Cause = (typeof CAUSES)[number];

function tellingOf(words: readonly PodWord[]): PodWord | undefined {
  const rank = ({cause}: PodWord): number => {
    const found = CAUSES.findIndex((known) => known === cause);
    return found === -1 ? CAUSES.length : found;
  };
  const failing = words.filter(({cause}) => cause !== undefined);
  // Its own account is told before another's.
  const order = (word: PodWord): number => 2 * rank(word) + (word.by === 'api' ? 0 : 1);
  return failing.sort((a, b) => order(a) - order(b))[0];
}

const causeOf = (words: readonly PodWord[]): string => tellingOf(words)?.cause ?? 'unknown';

/**
 * How an external database is.
 *
 * @param told - what its pods say; undefined: none says anything
 * @param desired - the revision that the spec asks for
 */
export function externalDatabaseView(
  api: MaintenanceApi,
  external: ExternalDatabase,
  {
    told,
    pods,
    desired,
  }: {
    readonly told: ToldByPods | undefined;
    readonly pods: readonly Cached<PodProjection>[];
    readonly desired: string | undefined;
  },
): DatabaseView {
  const words = told?.words ?? [];
  const telling = tellingOf(words);
  if (told?.reading.reachable === false && telling !== undefined) {
    return {state: 'Unreachable', ...explain(api, external, telling)};
  }
  const live = pods.filter(({value}) => value.component === 'api' && !isOver(value));
  // Pods of another revision may use another server: what the spec asks for is told by its own.
  const own = tellingOf(words.filter(({revision}) => revision === desired));
  const serves = live.some(({value}) => value.ready && value.revision === desired);
  if (own !== undefined && !serves && words.every((word) => word.revision !== desired || word.cause !== undefined)) {
    return {state: 'Starting', stalled: false, ...explain(api, external, own)};
  }
  if (told !== undefined || live.some(({value}) => value.ready)) return {state: 'Ready'};
  const message = `No pod has said yet whether it can use the database at ${addressOf(external)}`;
  return {state: 'Starting', reason: 'DatabaseStarting', message, stalled: false};
}

const addressOf = ({host, port}: ExternalDatabase): string => `${host}:${port}`;
const isKnown = (cause: string | undefined): cause is Cause => CAUSES.some((known) => known === cause);

/** A cause in words that name what has to be changed, never what is in it. */
function explain(
  {spec}: MaintenanceApi,
  external: ExternalDatabase,
  {cause, by}: PodWord,
): {readonly reason: Reason; readonly message: string} {
  const {credentialsSecretRef, migrateCredentialsSecretRef, tlsSecretRef, host} = external;
  const account = by === 'api' ? credentialsSecretRef : (migrateCredentialsSecretRef ?? credentialsSecretRef);
  const server = addressOf(external);
  if (!isKnown(cause)) {
    const message = `The pods can not use the database at ${server}: they say "${cause ?? 'unknown'}"`;
    return {reason: 'DatabaseUnreachable', message};
  }
  switch (cause) {
    case 'credentials':
      return {
        reason: 'DatabaseCredentialsRefused',
        message: `The database at ${server} refuses the account in Secret "${account.name}": user name or password is wrong, or the account is locked`,
      };
    case 'grants':
      return {
        reason: 'DatabaseGrantsMissing',
        message: `The account in Secret "${account.name}" lacks privileges on schema "${spec.database.name}" at ${server}`,
      };
    case 'schema':
      return {
        reason: 'DatabaseSchemaMissing',
        message: `Schema "${spec.database.name}" does not exist at ${server}: create it`,
      };
    case 'certificate':
      return {
        reason: 'DatabaseNotTrusted',
        message: `The certificate of the database at ${server} is not trusted: it must name ${host}, and Secret "${tlsSecretRef.name}" must have in ca.crt the authority that signed it`,
      };
    case 'dns':
      return {reason: 'DatabaseUnreachable', message: `No name server knows the database's host ${host}`};
    case 'connection':
      return {
        reason: 'DatabaseUnreachable',
        message: `The database at ${server} does not answer: it is down, or no way leads to it from the pods`,
      };
  }
}
