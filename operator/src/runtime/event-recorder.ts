import type {KubeClient} from './client.ts';
import type {Clock} from './clock.ts';
import type {Logger} from './logger.ts';
import type {ObjectReference} from './types.ts';

export interface EventRecorderOptions {
  client: KubeClient;
  clock: Clock;
  logger: Logger;
  /** `maintenance-api.io/operator` or the like. */
  reportingController: string;
  /** Usually the pod's name. */
  reportingInstance: string;
}

export interface EventInput {
  regarding: ObjectReference;
  related?: ObjectReference;
  type: 'Normal' | 'Warning';
  /** CamelCase, from a catalogue. */
  reason: string;
  /** CamelCase: what was done or found. */
  action: string;
  /** Cut to 1 kB. */
  note: string;
}

export declare class EventRecorder {
  constructor(options: EventRecorderOptions);
  /** Never throws, never waits. */
  record(event: EventInput): void;
  /** Sends what is pending, within a deadline. */
  stop(): Promise<void>;
}
