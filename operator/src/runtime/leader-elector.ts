import type {KubeClient, RequestOptions} from './client.ts';
import {delay, elapsedMs, mark, type Clock, type Mark} from './clock.ts';
import {messageOf} from './errors.ts';
import {microTime} from './micro-time.ts';
import type {Logger} from './logger.ts';
import type {Metrics} from './metrics.ts';
import type {KubeObject, ResourceRef} from './types.ts';

/** Options of an elector. Times as in client-go: 15, 10 and 2 s unless told. */
export interface LeaderElectorOptions {
  /** A client of its own, so that no other traffic delays a renewal. */
  client: Pick<KubeClient, 'create' | 'get' | 'replace'>;
  namespace: string;
  name: string;
  /** Unique to this process. */
  identity: string;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
  /** How long others respect the lease after its last renewal; a multiple of 1,000. */
  leaseDurationMs?: number;
  /** After so long without a renewal the leader gives up. */
  renewDeadlineMs?: number;
  /** Between two tries. */
  retryPeriodMs?: number;
  onStartedLeading: () => void;
  /** The lease is lost: end the process. Not called by stop(). */
  onLost: (reason: string) => void;
}

/** An action was to be sent with a lease older than allowed (or with none); it wasn't sent. */
export class LeaseTooOldError extends Error {
  readonly ageMs: number;

  constructor(ageMs: number, maxAgeMs: number) {
    super(`The lease is ${Math.round(ageMs)} ms old, allowed are ${maxAgeMs} ms`);
    this.name = 'LeaseTooOldError';
    this.ageMs = ageMs;
  }
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

type Lease = KubeObject & {spec?: LeaseSpec};

const LEASES: ResourceRef = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

/** Invariant 14: with requests that time out after 5 s, no action of ours lands after another may have taken the lease. */
const ACTION_MAX_AGE_MS = 10_000;

/**
 * Leader election on a Lease. What another holder wrote is never compared with our clock: its lease has run out when its
 * record hasn't changed for the lease's duration, as observed here.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #durationMs: number;
  readonly #deadlineMs: number;
  readonly #periodMs: number;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  /** Whether the server's lease may be newer than the one last seen. */
  #mustLook = true;
  /** The lease as last seen, and when its record was seen to change. */
  #seen: {lease: Lease; at: Mark} | undefined;
  /** From before the last successful renewal was sent; undefined when not leading. */
  #renewed: Mark | undefined;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#durationMs = options.leaseDurationMs ?? 15_000;
    this.#deadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#periodMs = options.retryPeriodMs ?? 2_000;
  }

  start(): void {
    if (this.#running !== undefined) {
      throw new Error('The elector is already started');
    }
    this.#running = this.#run();
  }

  /** Releases the lease if held, so that another needn't wait for it to run out. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    if (this.#renewed !== undefined) {
      await this.#release();
    }
  }

  isLeader(): boolean {
    return this.#renewed !== undefined;
  }

  /** Age of the last successful renewal, counted from before it was sent; Infinity when not leading. */
  leaseAgeMs(): number {
    return this.#renewed === undefined ? Infinity : elapsedMs(this.#options.clock, this.#renewed);
  }

  /** For {@link RequestOptions.beforeSend}: throws LeaseTooOldError unless the lease is younger than `maxAgeMs`. */
  guard(maxAgeMs = ACTION_MAX_AGE_MS): () => void {
    return () => {
      const ageMs = this.leaseAgeMs();
      if (ageMs >= maxAgeMs) {
        throw new LeaseTooOldError(ageMs, maxAgeMs);
      }
    };
  }

  async #run(): Promise<void> {
    const {clock, metrics, name} = this.#options;
    const signal = this.#stopped.signal;
    metrics?.leader.set({name}, 0);
    while (!signal.aborted) {
      const wasLeader = this.isLeader();
      const holds = await this.#tryOnce();
      if (holds && !wasLeader) {
        this.#begin();
      }
      const lossReason = wasLeader ? this.#lossReason(holds) : undefined;
      if (lossReason !== undefined) {
        this.#lose(lossReason);
        return;
      }
      await delay(clock, Math.min(this.#periodMs, this.#leftMs()), signal);
    }
  }

  #begin(): void {
    const {identity, logger, metrics, name, onStartedLeading} = this.#options;
    logger.info({lease: name, identity}, 'Became leader');
    metrics?.leader.set({name}, 1);
    onStartedLeading();
  }

  #lose(reason: string): void {
    const {logger, metrics, name, onLost} = this.#options;
    if (this.#stopped.signal.aborted) {
      return;
    }
    this.#renewed = undefined;
    metrics?.leader.set({name}, 0);
    logger.error({lease: name, reason}, 'Lost the lease');
    onLost(reason);
  }

  /** Milliseconds until a leader must have renewed; Infinity when not leading. */
  #leftMs(): number {
    return this.isLeader() ? Math.max(0, this.#deadlineMs - this.leaseAgeMs()) : Infinity;
  }

  /** Why a leader isn't one any more, or undefined while it may go on trying. */
  #lossReason(holds: boolean): string | undefined {
    if (holds) {
      return undefined;
    }
    const holder = this.#seen?.lease.spec?.holderIdentity;
    if (holder !== undefined && holder !== '' && holder !== this.#options.identity) {
      return `${holder} holds the lease`;
    }
    return this.leaseAgeMs() >= this.#deadlineMs ? `not renewed for ${this.#deadlineMs} ms` : undefined;
  }

  /** Acquires or renews; false when another holds the lease or the server couldn't be asked. */
  async #tryOnce(): Promise<boolean> {
    const sentAt = mark(this.#options.clock);
    try {
      const holds = await this.#acquireOrRenew();
      if (holds) {
        this.#renewed = sentAt;
      }
      return holds;
    } catch (error) {
      // A write that timed out may have been done, and a conflict says that our copy is old: look before the next write.
      this.#mustLook = true;
      this.#options.logger.warn({lease: this.#options.name, reason: messageOf(error)}, 'Lease not renewed');
      return false;
    }
  }

  async #acquireOrRenew(): Promise<boolean> {
    const lease = await this.#look();
    if (lease === undefined) {
      return this.#create();
    }
    if (!this.#mayTake(lease)) {
      this.#mustLook = true;
      return false;
    }
    const {client, name, namespace} = this.#options;
    const written = await client.replace<Lease>(
      LEASES,
      namespace,
      name,
      {...lease, spec: this.#specAfter(lease)},
      this.#request(),
    );
    this.#note(written);
    this.#mustLook = false;
    return true;
  }

  /** While leading undisturbed, our own last answer is the newest there is: one request for a renewal. */
  async #look(request: RequestOptions = this.#request()): Promise<Lease | undefined> {
    if (!this.#mustLook && this.#seen !== undefined) {
      return this.#seen.lease;
    }
    const {client, name, namespace} = this.#options;
    const lease = await client.get<Lease>(LEASES, namespace, name, request);
    if (lease !== undefined) {
      this.#note(lease);
    }
    return lease;
  }

  async #create(): Promise<boolean> {
    const {client, name, namespace} = this.#options;
    const body = {
      apiVersion: LEASES.apiVersion,
      kind: LEASES.kind,
      metadata: {name, namespace},
      spec: this.#specAfter(undefined),
    };
    this.#note(await client.create<Lease>(LEASES, namespace, body, this.#request()));
    this.#mustLook = false;
    return true;
  }

  #mayTake(lease: Lease): boolean {
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#options.identity) {
      return true;
    }
    const durationMs = (lease.spec?.leaseDurationSeconds ?? this.#durationMs / 1000) * 1000;
    return this.#seen !== undefined && elapsedMs(this.#options.clock, this.#seen.at) >= durationMs;
  }

  #specAfter(lease: Lease | undefined): LeaseSpec {
    const {clock, identity} = this.#options;
    const now = microTime(clock.now());
    const old = lease?.spec ?? {};
    const same = old.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: this.#durationMs / 1000,
      acquireTime: same ? (old.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (old.leaseTransitions ?? 0) + (same || lease === undefined ? 0 : 1),
    };
  }

  #note(lease: Lease): void {
    if (this.#seen?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      this.#seen = {lease, at: mark(this.#options.clock)};
    }
  }

  async #release(): Promise<void> {
    const {client, clock, identity, logger, metrics, name, namespace} = this.#options;
    this.#renewed = undefined;
    metrics?.leader.set({name}, 0);
    const request = {timeoutMs: this.#periodMs};
    try {
      const lease = await this.#look(request);
      if (lease?.spec?.holderIdentity !== identity) {
        return;
      }
      // As client-go: an empty holder, and the shortest duration that is valid.
      const spec = {...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now())};
      await client.replace(LEASES, namespace, name, {...lease, spec}, request);
      logger.info({lease: name}, 'Released the lease');
    } catch (error) {
      logger.warn({lease: name, reason: messageOf(error)}, 'Lease not released, it will run out');
    }
  }

  /** No try outlasts the deadline of a leader, and none takes so much of it that there is no second one. */
  #request(): RequestOptions {
    return {timeoutMs: Math.min(this.#leftMs(), this.#deadlineMs / 2), signal: this.#stopped.signal};
  }
}
