// Work that takes turns: only so much of it at the same time, in the order it was asked for.

export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(most: number) {
    this.free = most;
  }

  /** Does `work` once its turn has come. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.free === 0) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else {
      this.free -= 1;
    }
    try {
      return await work();
    } finally {
      this.next();
    }
  }

  /** The place goes from hand to hand while somebody waits. */
  private next(): void {
    const first = this.waiting.shift();
    if (first) {
      first();
    } else {
      this.free += 1;
    }
  }
}
