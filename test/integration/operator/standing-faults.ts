import {setTimeout as delay} from 'node:timers/promises';
import {expect} from '@jest/globals';
import type {MaintenanceApi, MaintenanceApiSpecInput} from '../../../operator/src/api/v1alpha1/index.ts';
import type {FaultRecord} from '../../harness/fault-table.ts';
import {conditionOf, type Simulation} from '../../harness/simulation.ts';
import type {Behaviour, Scene} from '../../harness/simulated-pods.ts';
import {waitFor} from '../../harness/wait.ts';

/*
 * Faults that stand until somebody takes their cause away: each is told by a condition that names the object, costs at
 * most six requests a minute (by the API server's audit log) while it lasts, and is over when its cause is.
 */
export const STATE_TIMEOUT_MS = 240_000;
const OBSERVED_MS = 60_000;
const MOST_REQUESTS = 6;
/** With a request more often than this it would be too many. */
const CALM_MS = OBSERVED_MS / MOST_REQUESTS;

/** Where a story plays. */
export interface Place {
  readonly world: Simulation;
  readonly namespace: string;
  readonly scene: Scene;
}

/** The condition as `Type Status Reason`, and what its message says. */
export type Told = readonly [condition: string, ...words: string[]];

export interface Fault {
  /** How images behave. */
  readonly images?: Readonly<Record<string, Behaviour>>;
  /** Requests per second to the service, 20 unless told. */
  readonly requestsPerSecond?: number;
  /** The spec with the fault in it from the start; with {@link cause} what the resource that is Ready has. */
  readonly spec?: Partial<MaintenanceApiSpecInput>;
  /** What must be there before the resource. */
  readonly before?: (place: Place) => Promise<void>;
  /** Brings the fault into a resource that is Ready. */
  readonly cause?: (place: Place) => Promise<void>;
  /** The service doesn't serve meanwhile. */
  readonly down?: true;
  readonly told: Told;
  /** What must hold while the fault lasts. */
  readonly meanwhile?: (place: Place) => Promise<void>;
  readonly cure: (place: Place) => Promise<void>;
  /** That in words, for the table. */
  readonly cured: string;
}

/** Whether a condition is `Type Status Reason` and its message says all of this. */
export function tells(api: MaintenanceApi, [condition, ...words]: Told): boolean {
  const [type = '', ...rest] = condition.split(' ');
  const message = messageOf(api, type);
  return conditionOf(api, type) === rest.join(' ') && words.every((word) => message.includes(word));
}

/** What a condition says. */
function messageOf(api: MaintenanceApi, condition: string): string {
  return api.status?.conditions?.find(({type}) => type === condition)?.message ?? '';
}

/**
 * What a fault that stands costs, once what the change before it brought about is over.
 *
 * @returns requests of the operator to the API server in a minute
 * @throws Error that shows them when they are too many
 */
export async function requestsOfAMinute(world: Simulation, namespace: string): Promise<number> {
  await waitFor(
    `${namespace}: the operator comes to rest`,
    async () => (await world.requests({namespace, from: Date.now() - CALM_MS})).length === 0 || undefined,
    STATE_TIMEOUT_MS,
  );
  const from = Date.now();
  await delay(OBSERVED_MS);
  const asked = await world.requests({namespace, from});
  const shown = asked.map(
    ({verb, requestURI, responseStatus}) => `${verb} ${requestURI} ${String(responseStatus?.code)}`,
  );
  if (shown.length > MOST_REQUESTS) throw new Error(`${String(shown.length)} requests:\n${shown.join('\n')}`);
  return shown.length;
}

/** A fault that was seen to stand. */
export interface Standing {
  readonly cause: string;
  readonly told: Told;
  readonly seen: MaintenanceApi;
  readonly requests: number;
  readonly cured: string;
  /** Ends it, and waits until all is well. */
  readonly end: () => Promise<void>;
}

/** Ends a fault, and holds all that was seen of it against the table. */
export async function ended(record: FaultRecord, {cause, told, seen, requests, cured, end}: Standing): Promise<void> {
  const [type = '', status = '', reason = ''] = told[0].split(' ');
  const from = performance.now();
  await end();
  const seconds = Math.round((performance.now() - from) / 1000);
  const message = messageOf(seen, type);
  record.hold({cause, condition: `${type}=${status}`, reason, message, requests, cure: cured, seconds});
}

/** Brings a fault in, and looks at what is said and asked until its cause is gone and all is well. */
export async function play(
  world: Simulation,
  record: FaultRecord,
  namespace: string,
  {cause: name, fault}: {readonly cause: string; readonly fault: Fault},
): Promise<void> {
  const place = {world, namespace, scene: await world.scene(namespace, fault.requestsPerSecond ?? 20, fault.images)};
  const {told} = fault;
  await fault.before?.(place);
  await world.create(namespace, fault.spec);
  const ready = async (what: string): Promise<MaintenanceApi> =>
    world.until(
      namespace,
      what,
      (api) => conditionOf(api, 'Ready') === 'True Ready' && !tells(api, told),
      STATE_TIMEOUT_MS,
    );
  if (fault.cause !== undefined) {
    await world.good(namespace);
    await ready('ready at first');
    await fault.cause(place);
  }
  await world.until(namespace, told.join(', '), (api) => tells(api, told), STATE_TIMEOUT_MS);
  const requests = await requestsOfAMinute(world, namespace);
  // A machine that is late with everything may show a gap in what was measured just then; what flaps costs too many requests.
  const seen = await world.until(namespace, `${told.join(', ')}, still`, (api) => tells(api, told), STATE_TIMEOUT_MS);
  if (fault.cause !== undefined && fault.down !== true) expect(conditionOf(seen, 'Available')).toBe('True Available');
  if (/^(Database)?Ready /.test(told[0])) expect(conditionOf(seen, 'Ready')).toMatch(/^False /);
  await fault.meanwhile?.(place);
  const end = async (): Promise<void> => {
    await fault.cure(place);
    const cured = await ready('ready again');
    expect(cured.status?.revisions?.serving).toBe(cured.status?.revisions?.desired);
  };
  await ended(record, {cause: name, told, seen, requests, cured: fault.cured, end});
}
