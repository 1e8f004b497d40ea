// Fills a hole, or follows a colour brush: the z whose sample is nearest to what is known.

import { ImageDisplay } from "./displays.js";
import { button, choice, labelled, make } from "./elements.js";
import { product } from "./controls.js";
import { Pad } from "./pad.js";
import { drawNoise } from "./random.js";
import { Search } from "./search.js";

const SCREENED = 64; // random z, of which the best one begins
const TRIES = 2500;
const PRIOR = 0.002; // of the mean square of z: keeps it where samples come from
const PATIENCE = 60; // generations without a better one

export class FillTask {
  constructor(signature, context) {
    this.signature = signature;
    this.context = context;
    this.element = make("div", { className: "task drawing" });
    this.searching = 0;
  }

  async open() {
    const { engine, status } = this.context;
    status("Loading the network …");
    const { inputs, outputs } = await engine.describe(this.signature.file);
    this.output = this.signature.outputs[0];
    this.shape = outputs.find(({ name }) => name === this.output.name).shape.slice(1);
    this.shapes = Object.fromEntries(inputs.map(({ name, shape }) => [name, shape.slice(1)]));
    this.pad = new Pad({ name: "photo", shape: this.shape, changed: () => {}, hole: true,
      pictures: this.context.index.pictures });
    this.display = new ImageDisplay({ name: "filled" }, this.shape);
    this.addTools();
    this.element.replaceChildren(
      make("div", { className: "outputs" }, this.display.element, this.progress),
      make("div", { className: "inputs" }, this.pad.element));
    await this.useSample(7);
  }

  addTools() {
    const texts = ["make a hole", "paint its colour"];
    const brush = choice(texts, (i) => (this.pad.makesHole = i === 0));
    const seeds = () => this.useSample(Math.floor(Math.random() * 1e6));
    this.button = button("Search", () => this.toggle(), { className: "primary" });
    this.progress = make("p", { className: "hint", role: "status" });
    this.pad.tools.prepend(labelled("Brush to", brush),
      make("div", { className: "row" }, this.button, button("Other sample", seeds)));
    const hint = "Paint a hole, or a colour; the search looks for the sample that fits all else.";
    this.pad.element.append(make("p", { className: "hint", textContent: hint }));
  }

  // Noise and labels of a seed, by input.
  draws(seed) {
    const values = {};
    this.signature.inputs.forEach(({ name, kind, classes }, i) => {
      const size = product(this.shapes[name]);
      if (kind === "label") {
        const uniform = drawNoise("uniform", size, seed + 31 * i);
        values[name] = Int32Array.from(uniform, (v) => Math.floor(((v + 1) / 2) * (classes ?? 1)));
      } else values[name] = drawNoise(kind, size, seed + 31 * i);
    });
    return values;
  }

  async useSample(seed) {
    this.stop();
    const { outputs } = await this.context.engine.run(this.signature.file, this.draws(seed));
    this.pad.setValue(outputs[this.output.name]);
    this.display.show(outputs[this.output.name]);
    this.context.status("Paint, then search");
  }

  toggle() {
    if (this.searching) this.stop();
    else this.search().catch((error) => this.context.status(error.message, true));
  }

  stop() {
    this.searching = 0;
    this.button.textContent = "Search";
  }

  // Mean absolute difference where the image is known, and a little of what is unlike noise.
  loss(values, known, noise) {
    const channels = this.shape[2];
    let [sum, count] = [0, 0];
    for (let i = 0; i < this.hole.length; i++) {
      if (this.hole[i]) continue;
      for (let k = i * channels; k < (i + 1) * channels; k++) sum += Math.abs(values[k] - known[k]);
      count += channels;
    }
    const square = noise.reduce((total, value) => total + value * value, 0) / noise.length;
    return sum / Math.max(1, count) + PRIOR * square;
  }

  async search() {
    const run = (this.searching = performance.now());
    this.button.textContent = "Stop";
    this.hole = this.pad.hole();
    const known = this.pad.value();
    let best = { loss: Infinity };
    let tries = 0;
    const judge = async (inputs) => {
      const { outputs } = await this.context.engine.run(this.signature.file, inputs);
      const values = outputs[this.output.name];
      const loss = this.loss(values, known, this.noiseOf(inputs));
      tries += 1;
      if (loss < best.loss) {
        best = { loss, inputs, values, tries };
        this.show(best, known);
      }
      this.progress.textContent = `${tries} tries, difference ${best.loss.toFixed(3)}`;
      return loss;
    };
    for (let i = 0; i < SCREENED && this.searching === run; i++) await judge(this.draws(1000 + i));
    const search = new Search(this.noiseOf(best.inputs), 0.4);
    while (this.searching === run && tries < TRIES
      && tries - best.tries < PATIENCE * search.count) {
      const losses = [];
      for (const candidate of search.ask()) {
        losses.push(await judge(this.withNoise(best.inputs, candidate)));
      }
      search.tell(losses);
    }
    if (this.searching === run) this.stop();
    const seconds = ((performance.now() - run) / 1000).toFixed(1);
    this.context.status(`${tries} tries in ${seconds} s`);
  }

  // All noise of some inputs as one vector, and back; labels stay those of the first guess.
  noiseOf(inputs) {
    return Float32Array.from(this.noiseNames().flatMap((name) => Array.from(inputs[name])));
  }

  withNoise(inputs, vector) {
    const values = { ...inputs };
    let start = 0;
    for (const { name, kind } of this.signature.inputs) {
      if (kind === "label") continue;
      const part = vector.slice(start, start + inputs[name].length);
      values[name] = kind === "uniform" ? part.map((v) => Math.min(1, Math.max(-1, v))) : part;
      start += part.length;
    }
    return values;
  }

  noiseNames() {
    return this.signature.inputs.filter(({ kind }) => kind !== "label").map(({ name }) => name);
  }

  // With a hole the photo stays around it; without one the sample itself is shown.
  show({ values, inputs }, known) {
    const channels = this.shape[2];
    const pasted = values.slice();
    if (this.hole.some(Boolean)) {
      known.forEach((value, i) => {
        if (!this.hole[Math.floor(i / channels)]) pasted[i] = value;
      });
    }
    this.display.show(pasted);
    this.context.record({ file: this.signature.file, inputs,
      outputs: { [this.output.name]: values }, pasted });
  }

  close() {
    this.stop();
  }
}

// Whether a signature draws images from noise alone.
export function canFill(signature) {
  const kinds = signature.inputs.map(({ kind }) => kind);
  return signature.outputs[0].kind === "image"
    && kinds.some((kind) => kind === "normal" || kind === "uniform")
    && kinds.every((kind) => ["normal", "uniform", "label"].includes(kind));
}
