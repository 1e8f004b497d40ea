// Noise from seeds (the page's own: Python's seeds give other samples), and ways between noises.

// Uniform numbers in [0, 1) of a seed: mulberry32.
export function uniforms(seed) {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// Standard normal numbers of a seed: Box and Muller.
export function normals(seed) {
  const uniform = uniforms(seed);
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
}

// `size` numbers of a kind of noise, "normal" or "uniform" in [-1, 1).
export function drawNoise(kind, size, seed) {
  const draw = kind === "uniform" ? uniforms(seed) : normals(seed);
  return Float32Array.from({ length: size }, () => (kind === "uniform" ? 2 * draw() - 1 : draw()));
}

export function norm(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

// A share of the way between two noises: on the sphere for normal noise, straight for uniform.
export function between(kind, first, second, share) {
  let weights = [1 - share, share];
  if (kind === "normal") {
    const cosine = first.reduce((sum, value, i) => sum + value * second[i], 0);
    const angle = Math.acos(
      Math.min(1, Math.max(-1, cosine / (norm(first) * norm(second) || 1))),
    );
    if (angle > 1e-4) {
      weights = weights.map((weight) => Math.sin(weight * angle) / Math.sin(angle));
    }
  }
  return first.map((value, i) => weights[0] * value + weights[1] * second[i]);
}

// `count` random directions at right angles, each of length 1.
export function directions(count, size, seed) {
  const draw = normals(seed);
  const vectors = [];
  for (let i = 0; i < count; i++) {
    const vector = Float32Array.from({ length: size }, draw);
    for (const other of vectors) {
      const overlap = vector.reduce((sum, value, k) => sum + value * other[k], 0);
      other.forEach((value, k) => (vector[k] -= overlap * value));
    }
    const length = norm(vector) || 1;
    vectors.push(vector.map((value) => value / length));
  }
  return vectors;
}
