import type {PodSample} from './types.ts';

/** A seeded generator of numbers in [0, 1): mulberry32. The same seed gives the same run. */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A pod as its metrics tell: cumulative counters. */
export class SimulatedPod {
  readonly uid: string;
  readonly revision: string;
  readonly readyAt: number;
  #valid = 0;
  #bad = 0;
  #fast = 0;

  constructor(uid: string, revision: string, readyAt: number) {
    this.uid = uid;
    this.revision = revision;
    this.readyAt = readyAt;
  }

  /** Answers one request. */
  answer(how: {readonly bad?: boolean; readonly slow?: boolean} = {}): void {
    this.#valid++;
    if (how.bad === true) this.#bad++;
    if (how.slow !== true) this.#fast++;
  }

  /** Answers several. */
  answers(count: number, how: {readonly bad?: number; readonly slow?: number} = {}): this {
    for (let i = 0; i < count; i++) this.answer({bad: i < (how.bad ?? 0), slow: i < (how.slow ?? 0)});
    return this;
  }

  /** Its process starts anew: counters begin at 0. */
  restart(): void {
    this.#valid = 0;
    this.#bad = 0;
    this.#fast = 0;
  }

  sample(time: number, latencyThresholdMs = 500): PodSample {
    const {uid: podUid, revision} = this;
    const [valid, bad, fast] = [this.#valid, this.#bad, this.#fast];
    return {podUid, revision, time, valid, bad, total: valid, fast, latencyThresholdMs};
  }
}
