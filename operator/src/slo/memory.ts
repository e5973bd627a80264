/** How a pod's memory moved over some time. */
export interface MemoryTrend {
  /** Wall clock, milliseconds. */
  readonly from: number;
  readonly to: number;
  /** From the first to the last of what stayed in use, bytes; negative where it fell. */
  readonly grownBytes: number;
  /** It climbed all the while: no step and no saw. */
  readonly steady: boolean;
  /** Where it leads, bytes, if it slows down from now on as it did; Infinity where it didn't. */
  readonly leadsTo: number;
}

interface Point {
  readonly slot: number;
  readonly at: number;
  /** The least of the slot: what a garbage collector gives back isn't in use. */
  readonly bytes: number;
}

/** A quarter of an hour in half minutes, and six hours in five minutes: leaks are fast or slow. */
const RESOLUTIONS = [
  {slotMs: 30_000, kept: 30},
  {slotMs: 300_000, kept: 72},
] as const;
/** Fewer points tell no trend. */
const MIN_POINTS = 6;
/** Of the variance that a straight line explains, at least so much. */
const STRAIGHT = 0.8;
/** A process that began anew has much less than the one before. */
const BEGAN_ANEW = 0.5;

/** The memory of one resource's pods, in memory that has a bound. No clock: all times are passed in, in milliseconds. */
export class MemoryTrends {
  readonly #pods = new Map<string, Point[][]>();

  /**
   * Takes one reading of one pod; one that is not newer than the last is ignored.
   *
   * @param podUid uid
   * @param at when it was read
   * @param bytes resident
   */
  record(podUid: string, at: number, bytes: number): void {
    const series = this.#pods.get(podUid) ?? RESOLUTIONS.map((): Point[] => []);
    this.#pods.set(podUid, series);
    RESOLUTIONS.forEach(({slotMs, kept}, i) => {
      series[i] = added(series[i] ?? [], {slot: Math.floor(at / slotMs), at, bytes}, kept);
    });
  }

  /**
   * Forgets every pod but these.
   *
   * @param podUids uids of those that are there
   */
  retain(podUids: ReadonlySet<string>): void {
    for (const uid of this.#pods.keys()) if (!podUids.has(uid)) this.#pods.delete(uid);
  }

  /**
   * How a pod's memory moved, by the minute and by the hour; empty while too little was read.
   *
   * @param podUid uid
   */
  trends(podUid: string): readonly MemoryTrend[] {
    return (this.#pods.get(podUid) ?? []).flatMap((points) => trendOf(points));
  }
}

function added(points: readonly Point[], point: Point, kept: number): Point[] {
  const last = points.at(-1);
  if (last !== undefined && point.at <= last.at) return [...points];
  if (last === undefined || point.bytes < last.bytes * BEGAN_ANEW) return [point];
  if (point.slot > last.slot) return [...points.slice(1 - kept), point];
  return point.bytes < last.bytes ? [...points.slice(0, -1), point] : [...points];
}

function trendOf(points: readonly Point[]): MemoryTrend[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < MIN_POINTS) return [];
  const grownBytes = last.bytes - first.bytes;
  const steady = grownBytes > 0 && straightness(points) >= STRAIGHT;
  return [{from: first.at, to: last.at, grownBytes, steady, leadsTo: leadsTo(points, last)}];
}

/** What fills up slows down by the same part in the same time: its rate in the two halves tells how fast, and to where. */
function leadsTo(points: readonly Point[], last: Point): number {
  const [first = last, middle = last] = [points[0], points[Math.floor((points.length - 1) / 2)]];
  const [t1, t2] = [middle.at - first.at, last.at - middle.at];
  const [before, after] = [(middle.bytes - first.bytes) / t1, (last.bytes - middle.bytes) / t2];
  if (after <= 0) return last.bytes;
  if (before <= after) return Infinity;
  const slowing = Math.log(before / after) / ((t1 + t2) / 2);
  return last.bytes + (after * Math.exp((-slowing * t2) / 2)) / slowing;
}

/** The coefficient of determination of the least-squares line; 0 where there is nothing to explain. */
function straightness(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [time, bytes] = [mean(({at}) => at), mean((point) => point.bytes)];
  const both = mean((point) => (point.at - time) * (point.bytes - bytes));
  const spread = mean(({at}) => (at - time) ** 2) * mean((point) => (point.bytes - bytes) ** 2);
  return spread === 0 ? 0 : both ** 2 / spread;
}
