// One control for each kind of input: {element, value()}; value() may be a promise.
// A control calls `changed` when its value is another one.

import { between, directions, drawNoise, norm } from "./random.js";
import { button, capital, choice, labelled, make, slider, words } from "./elements.js";

const SLIDERS = 8;
const DIMENSIONS = 16; // noise of up to so many numbers has a slider for each
const SECONDS = 2; // from one sample of a walk to the next
const MOST_NUMBERS = 64;

export function product(shape) {
  return shape.reduce((size, side) => size * side, 1);
}

// Noise: a seed, sliders along directions, and a walk from seed to seed.
export class NoiseControl {
  constructor({ name, kind, shape, changed, seed = 0 }) {
    this.kind = kind;
    this.size = product(shape);
    this.changed = changed;
    this.walking = null;
    this.axesSeed = 1;
    this.seedInput = make("input", { type: "number", value: seed, min: 0, step: 1 });
    this.seedInput.addEventListener("change", () => this.setSeed(this.seed()));
    this.walkButton = button("Walk", () => this.toggleWalk(), { "aria-pressed": "false" });
    this.sliders = make("div");
    const offsets = make("details", {}, make("summary", { textContent: this.summary() }),
      this.sliders);
    const title = name === "z" ? "Noise" : capital(words(name));
    this.element = make("fieldset", {}, make("legend", { textContent: title }),
      labelled("Seed", this.seedInput,
        button("New", () => this.setSeed(Math.floor(Math.random() * 1e6))), this.walkButton),
      offsets);
    this.setSeed(seed, false);
  }

  seed() {
    return Math.max(0, Math.floor(Number(this.seedInput.value)) || 0);
  }

  summary() {
    return this.size <= DIMENSIONS ? "Sliders for each number" : "Sliders along directions";
  }

  setSeed(seed, announce = true) {
    this.stopWalk();
    this.seedInput.value = seed;
    this.base = this.noise(seed);
    this.showSliders();
    if (announce) this.changed();
  }

  noise(seed) {
    return drawNoise(this.kind, this.size, seed);
  }

  showSliders() {
    const options = { step: 0.01, onchange: () => this.changed() };
    this.offsets = [];
    if (this.size <= DIMENSIONS) {
      const most = this.kind === "uniform" ? 1 : 3.5;
      this.offsets = Array.from(this.base, (value, i) =>
        slider(`${i + 1}`, { min: -most, max: most, value, ...options }));
      this.sliders.replaceChildren(...this.offsets.map((offset) => offset.element));
      return;
    }
    const most = 0.8 * norm(this.base); // far enough to be another sample
    this.axes = directions(SLIDERS, this.size, this.axesSeed);
    this.offsets = this.axes.map((_, i) =>
      slider(`Direction ${i + 1}`, { min: -most, max: most, value: 0, ...options }));
    const others = button("Other directions", () => {
      this.axesSeed += 1;
      this.base = this.value();
      this.showSliders();
    });
    this.sliders.replaceChildren(...this.offsets.map((offset) => offset.element), others);
  }

  value() {
    if (this.walking) return this.walking.noise;
    if (this.size <= DIMENSIONS) {
      return Float32Array.from(this.offsets, (offset, i) => this.near(offset.value(), i));
    }
    const noise = this.base.slice();
    this.offsets.forEach((offset, k) => {
      const far = offset.value();
      if (far) this.axes[k].forEach((value, i) => (noise[i] += far * value));
    });
    return this.kind === "uniform" ? noise.map((v) => Math.min(1, Math.max(-1, v))) : noise;
  }

  // A slider has steps: where it was not moved, the number of the sample itself.
  near(value, i) {
    return Math.abs(value - this.base[i]) <= 0.00501 ? this.base[i] : value;
  }

  toggleWalk() {
    if (this.walking) {
      this.setSeed(this.seed());
      return;
    }
    this.walking = { noise: this.value(), from: this.value(), to: this.noise(this.seed() + 1) };
    this.walking.begin = performance.now();
    this.walkButton.setAttribute("aria-pressed", "true");
    this.walkButton.textContent = "Stop";
    requestAnimationFrame(() => this.step());
  }

  step() {
    const walk = this.walking;
    if (!walk || !this.element.isConnected) return;
    let share = (performance.now() - walk.begin) / 1000 / SECONDS;
    if (share >= 1) {
      this.seedInput.value = this.seed() + 1;
      walk.from = walk.to;
      walk.to = this.noise(this.seed() + 1);
      walk.begin = performance.now();
      share = 0;
    }
    walk.noise = between(this.kind, walk.from, walk.to, share * share * (3 - 2 * share));
    this.changed();
    requestAnimationFrame(() => this.step());
  }

  stopWalk() {
    this.walking = null;
    this.walkButton.setAttribute("aria-pressed", "false");
    this.walkButton.textContent = "Walk";
  }
}

// One class, or several: a choice for each.
export class LabelControl {
  constructor({ name, shape, classes, names, changed }) {
    const texts = Array.from({ length: classes ?? 10 }, (_, i) => names?.[i] ?? String(i));
    this.choices = Array.from({ length: product(shape) }, () => choice(texts, changed));
    const title = capital(words(name));
    this.element = make("div", {}, ...this.choices.map((select, i) =>
      labelled(this.choices.length > 1 ? `${title} ${i + 1}` : title, select)));
  }

  value() {
    return Int32Array.from(this.choices, (select) => select.selectedIndex);
  }
}

// One slider for all numbers of an input: psi of all layers, a share.
export class ShareControl {
  constructor({ name, shape, value, max = 1, changed }) {
    this.size = product(shape);
    this.slider = slider(capital(words(name)), { min: 0, max, value, onchange: changed });
    this.element = this.slider.element;
  }

  value() {
    return new Float32Array(this.size).fill(this.slider.value());
  }
}

const BOX = ["Left", "Top", "Width", "Height"];
const FRACTIONS = ["box", "keypoints", "mask"];

// Numbers of a kind that the page knows nothing of: a slider for each, of very many the first.
export class NumbersControl {
  constructor({ name, kind, shape, dtype, changed }) {
    this.size = product(shape);
    this.array = dtype === "int32" ? Int32Array : Float32Array;
    const fraction = FRACTIONS.includes(kind);
    const step = dtype === "int32" ? 1 : 0.01;
    const range = fraction ? { min: 0, max: 1 } : { min: -3, max: 3 };
    this.sliders = Array.from({ length: Math.min(this.size, MOST_NUMBERS) }, (_, i) => {
      const text = kind === "box" && this.size === 4 ? BOX[i] : String(i + 1);
      const value = kind === "box" ? [0.25, 0.25, 0.5, 0.5][i % 4] : fraction ? 0.5 : 0;
      return slider(text, { ...range, step, value, onchange: changed });
    });
    const hidden = this.size - this.sliders.length;
    const note = kind === "embedding"
      ? "The vector of a sentence. Whoever writes this page can offer sentences with --text." : "";
    this.element = make("details", { open: this.size <= 8 },
      make("summary", { textContent: `${capital(words(name))}: ${this.size} numbers` }),
      make("p", { className: "hint", textContent: note }),
      ...this.sliders.map((each) => each.element),
      hidden ? make("p", { className: "hint", textContent: `${hidden} more are 0` }) : null);
  }

  value() {
    const values = new this.array(this.size);
    this.sliders.forEach((each, i) => (values[i] = each.value()));
    return values;
  }
}

// A sentence as indices of characters: -1 for unknown ones and after its end.
export class CharactersControl {
  constructor({ name, shape, alphabet, changed }) {
    this.size = product(shape);
    this.alphabet = alphabet;
    this.input = make("input", { type: "text", value: "a red circle", maxLength: this.size });
    this.input.addEventListener("input", changed);
    this.element = labelled(name === "characters" ? "Sentence" : capital(words(name)), this.input);
  }

  value() {
    const indices = new Int32Array(this.size).fill(-1);
    Array.from(this.input.value.toLowerCase()).slice(0, this.size).forEach((symbol, i) => {
      indices[i] = this.alphabet[symbol] ?? -1;
    });
    return indices;
  }
}
