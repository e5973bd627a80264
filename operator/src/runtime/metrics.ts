import {Counter, Gauge, Histogram, Registry, collectDefaultMetrics} from 'prom-client';

/** Result label of `controller_runtime_reconcile_total`, as in controller-runtime. */
export type ReconcileResult = 'success' | 'error' | 'requeue_after';

/** What a work queue tells while it is scraped; times in seconds. */
export interface QueueProbe {
  readonly name: string;
  depth(): number;
  unfinishedSeconds(): number;
  longestRunningSeconds(): number;
}

/** Exponential buckets as in client-go's workqueue: 10 ns to 10 s, then 100 and 1,000. */
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000];
/** As in controller-runtime. */
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** As in client-go's metrics. */
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/**
 * The runtime's metrics in a registry of their own. Names and labels are controller-runtime's and client-go's, so that
 * dashboards and alerts made for Go operators hold; those of the reflector that have no model there are marked below.
 */
export class Metrics {
  /** Register further metrics here. */
  readonly registry = new Registry();
  readonly #probes = new Set<QueueProbe>();

  readonly reconciles: Counter<'controller' | 'result'>;
  readonly reconcileErrors: Counter<'controller'>;
  readonly terminalReconcileErrors: Counter<'controller'>;
  readonly reconcilePanics: Counter<'controller'>;
  readonly reconcileSeconds: Histogram<'controller'>;
  readonly maxConcurrentReconciles: Gauge<'controller'>;
  readonly activeWorkers: Gauge<'controller'>;
  readonly queueAdds: Counter<'name' | 'controller'>;
  readonly queueRetries: Counter<'name' | 'controller'>;
  readonly queueSeconds: Histogram<'name' | 'controller'>;
  readonly workSeconds: Histogram<'name' | 'controller'>;
  readonly requests: Counter<'code' | 'method' | 'host'>;
  readonly requestSeconds: Histogram<'verb' | 'host'>;
  readonly requestRetries: Counter<'code' | 'verb' | 'host'>;
  readonly connections: Counter<'host'>;
  readonly leader: Gauge<'name'>;
  readonly lists: Counter<'name'>;
  readonly watches: Counter<'name'>;
  readonly watchEnds: Counter<'name' | 'reason'>;
  readonly missedEvents: Counter<'name'>;
  readonly handlerErrors: Counter<'name'>;
  readonly events: Counter<'result'>;

  constructor() {
    const registers = [this.registry];
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
      new Counter({name, help, labelNames, registers});
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
      new Gauge({name, help, labelNames, registers});
    const histogram = <L extends string>(
      name: string,
      help: string,
      labels: {labelNames: readonly L[]; buckets: number[]},
    ): Histogram<L> => new Histogram({name, help, ...labels, registers});

    collectDefaultMetrics({register: this.registry});

    const controller = ['controller'] as const;
    this.reconciles = counter('controller_runtime_reconcile_total', 'Reconciliations by result.', [
      ...controller,
      'result',
    ]);
    this.reconcileErrors = counter('controller_runtime_reconcile_errors_total', 'Failed reconciliations.', controller);
    this.terminalReconcileErrors = counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciliations that only a change by someone can help.',
      controller,
    );
    this.reconcilePanics = counter(
      'controller_runtime_reconcile_panics_total',
      'Reconciliations that threw an exception.',
      controller,
    );
    this.reconcileSeconds = histogram('controller_runtime_reconcile_time_seconds', 'Time of a reconciliation.', {
      labelNames: controller,
      buckets: RECONCILE_BUCKETS,
    });
    this.maxConcurrentReconciles = gauge(
      'controller_runtime_max_concurrent_reconciles',
      'Largest number of concurrent reconciliations.',
      controller,
    );
    this.activeWorkers = gauge('controller_runtime_active_workers', 'Workers that are busy.', controller);

    const queue = ['name', 'controller'] as const;
    this.queueAdds = counter('workqueue_adds_total', 'Keys added to the queue.', queue);
    this.queueRetries = counter('workqueue_retries_total', 'Keys added to the queue again after a failure.', queue);
    this.queueSeconds = histogram('workqueue_queue_duration_seconds', 'Time a key waited in the queue.', {
      labelNames: queue,
      buckets: QUEUE_BUCKETS,
    });
    this.workSeconds = histogram('workqueue_work_duration_seconds', 'Time the work on a key took.', {
      labelNames: queue,
      buckets: QUEUE_BUCKETS,
    });
    this.#queueGauge('workqueue_depth', 'Keys in the queue.', (probe) => probe.depth());
    this.#queueGauge(
      'workqueue_unfinished_work_seconds',
      'Seconds of work in progress not yet in work_duration.',
      (probe) => probe.unfinishedSeconds(),
    );
    this.#queueGauge('workqueue_longest_running_processor_seconds', 'Age of the oldest work in progress.', (probe) =>
      probe.longestRunningSeconds(),
    );

    this.requests = counter('rest_client_requests_total', 'Requests to the API server.', ['code', 'method', 'host']);
    this.requestSeconds = histogram('rest_client_request_duration_seconds', 'Time of a request to the API server.', {
      labelNames: ['verb', 'host'],
      buckets: REQUEST_BUCKETS,
    });
    this.requestRetries = counter('rest_client_request_retries_total', 'Requests sent again.', [
      'code',
      'verb',
      'host',
    ]);
    // No model in client-go: the figure that shows whether connections are reused.
    this.connections = counter('rest_client_connections_total', 'Connections opened to the API server.', ['host']);
    this.leader = gauge('leader_election_master_status', '1 while this process leads, else 0.', ['name']);

    // client-go removed its reflector metrics; lists and watches keep their old names, the others are ours.
    const reflector = ['name'] as const;
    this.lists = counter('reflector_lists_total', 'Lists of a watched resource.', reflector);
    this.watches = counter('reflector_watches_total', 'Watches opened.', reflector);
    this.watchEnds = counter('reflector_watch_ends_total', 'Watches ended, by reason.', [...reflector, 'reason']);
    this.missedEvents = counter(
      'reflector_missed_events_total',
      'Changes that the hourly comparison found and no watch had told.',
      reflector,
    );
    this.handlerErrors = counter('reflector_handler_errors_total', 'Exceptions thrown by change handlers.', reflector);
    this.events = counter('event_recorder_events_total', 'Events by what became of them.', ['result']);
  }

  /** Lets the gauges of a queue be read at each scrape. */
  watchQueue(probe: QueueProbe): void {
    this.#probes.add(probe);
  }

  #queueGauge(name: string, help: string, read: (probe: QueueProbe) => number): void {
    const probes = this.#probes;
    this.registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: ['name', 'controller'],
        registers: [],
        collect() {
          for (const probe of probes) {
            this.set({name: probe.name, controller: probe.name}, read(probe));
          }
        },
      }),
    );
  }
}
