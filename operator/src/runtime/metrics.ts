import type {Registry} from 'prom-client';

export declare class Metrics {
  /** Register further metrics here. */
  readonly registry: Registry;
  constructor();
}
