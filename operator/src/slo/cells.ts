/** Counts in cells of a fixed width of time; what is older than `keep` cells before the newest is forgotten. */
export class Cells {
  readonly #width: number;
  readonly #fields: number;
  readonly #keep: number;
  readonly #cells = new Map<number, number[]>();
  #newest = Number.NEGATIVE_INFINITY;

  /**
   * @param width of a cell, milliseconds
   * @param fields how many counts a cell has
   * @param keep how many cells are kept
   */
  constructor(width: number, fields: number, keep: number) {
    this.#width = width;
    this.#fields = fields;
    this.#keep = keep;
  }

  /**
   * Adds whole counts that came between two times, spread evenly over the cells between them; their sum stays exact
   * (but for what lies before the oldest cell that is kept).
   *
   * @param from milliseconds
   * @param to milliseconds
   * @param amounts one a field
   */
  add(from: number, to: number, amounts: readonly number[]): void {
    const last = this.#index(Math.max(from, to - 1));
    const first = Math.max(this.#index(from), last - this.#keep + 1);
    const length = Math.max(1, to - from);
    let done = Math.max(0, (first * this.#width - from) / length);
    for (let index = first; index <= last; index++) {
      const until = index === last ? 1 : ((index + 1) * this.#width - from) / length;
      const cell = this.#cell(index);
      amounts.forEach((amount, field) => {
        cell[field] = (cell[field] ?? 0) + Math.round(amount * until) - Math.round(amount * done);
      });
      done = until;
    }
  }

  /**
   * Sum of the cells that lie wholly between two times.
   *
   * @param from milliseconds
   * @param to milliseconds; a cell that has not ended by then is left out
   */
  sum(from: number, to: number): number[] {
    const sum = new Array<number>(this.#fields).fill(0);
    for (const [index, cell] of this.#cells) {
      if (index * this.#width < from || (index + 1) * this.#width > to) continue;
      cell.forEach((amount, field) => {
        sum[field] = (sum[field] ?? 0) + amount;
      });
    }
    return sum;
  }

  /** The cells, oldest first, each with its index (milliseconds since the epoch, divided by the width) before its counts. */
  rows(): number[][] {
    return [...this.#cells].sort(([a], [b]) => a - b).map(([index, cell]) => [index, ...cell]);
  }

  /** @param rows what {@link rows} gave */
  restore(rows: readonly (readonly number[])[]): void {
    for (const [index, ...counts] of rows) {
      if (index === undefined) continue;
      const cell = this.#cell(index);
      for (let field = 0; field < this.#fields; field++) cell[field] = counts[field] ?? 0;
    }
  }

  #index(time: number): number {
    return Math.floor(time / this.#width);
  }

  #cell(index: number): number[] {
    const known = this.#cells.get(index);
    if (known !== undefined) return known;
    const cell = new Array<number>(this.#fields).fill(0);
    this.#cells.set(index, cell);
    if (index > this.#newest) {
      this.#newest = index;
      for (const old of this.#cells.keys()) if (old <= index - this.#keep) this.#cells.delete(old);
    }
    return cell;
  }
}
