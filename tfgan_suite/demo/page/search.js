// A search without gradients: CMA-ES with a diagonal covariance (Ros and Hansen, 2008).
// TFLite files have no gradients, so z is moved by samples around a mean that shrink as they win.

import { normals } from "./random.js";

export class Search {
  // Begins at `start`; `spread` is the first standard deviation of each number.
  constructor(start, spread, seed = 1) {
    this.size = start.length;
    this.mean = Float64Array.from(start);
    this.sigma = spread;
    this.variances = new Float64Array(this.size).fill(1);
    this.path = new Float64Array(this.size);
    this.sigmaPath = new Float64Array(this.size);
    this.draw = normals(seed);
    this.count = 4 + Math.floor(3 * Math.log(this.size));
    const parents = Math.floor(this.count / 2);
    const ranks = Array.from({ length: parents }, (_, i) => i + 1);
    const raw = ranks.map((rank) => Math.log(parents + 0.5) - Math.log(rank));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    this.weights = raw.map((weight) => weight / total);
    this.mass = 1 / this.weights.reduce((sum, weight) => sum + weight * weight, 0);
    this.generation = 0;
  }

  // The next candidates; `tell` takes their losses.
  ask() {
    this.steps = Array.from({ length: this.count }, () =>
      Float64Array.from(this.variances, (variance) => Math.sqrt(variance) * this.draw()));
    return this.steps.map((step) =>
      Float32Array.from(step, (value, i) => this.mean[i] + this.sigma * value));
  }

  tell(losses) {
    const { size, mass } = this;
    const order = losses.map((_, i) => i).sort((a, b) => losses[a] - losses[b]);
    const best = this.weights.map((_, rank) => this.steps[order[rank]]);
    const move = this.mean.map((_, i) =>
      this.weights.reduce((sum, weight, rank) => sum + weight * best[rank][i], 0));
    this.mean.forEach((value, i) => (this.mean[i] = value + this.sigma * move[i]));
    const forSigma = (mass + 2) / (size + mass + 5);
    const forPath = (4 + mass / size) / (size + 4 + (2 * mass) / size);
    // A diagonal has few numbers to learn, so it may learn (n + 2) / 3 times as fast.
    const faster = (size + 2) / 3;
    const rankOne = Math.min(0.4, (faster * 2) / ((size + 1.3) ** 2 + mass));
    const rankMany = Math.min(1 - rankOne,
      (faster * 2 * (mass - 2 + 1 / mass)) / ((size + 2) ** 2 + mass));
    const [keepSigma, keepPath] = [1 - forSigma, 1 - forPath];
    for (let i = 0; i < size; i++) {
      const whitened = move[i] / Math.sqrt(this.variances[i]);
      this.sigmaPath[i] = keepSigma * this.sigmaPath[i]
        + Math.sqrt(forSigma * (2 - forSigma) * mass) * whitened;
      this.path[i] = keepPath * this.path[i] + Math.sqrt(forPath * (2 - forPath) * mass) * move[i];
      const many = this.weights.reduce((sum, weight, rank) => sum + weight * best[rank][i] ** 2, 0);
      this.variances[i] = (1 - rankOne - rankMany) * this.variances[i]
        + rankOne * this.path[i] ** 2 + rankMany * many;
    }
    const length = Math.sqrt(this.sigmaPath.reduce((sum, value) => sum + value * value, 0));
    const expected = Math.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size * size));
    const damping = 1 + forSigma + 2 * Math.max(0, Math.sqrt((mass - 1) / (size + 1)) - 1);
    this.sigma *= Math.exp((forSigma / damping) * (length / expected - 1));
    this.generation += 1;
  }
}
