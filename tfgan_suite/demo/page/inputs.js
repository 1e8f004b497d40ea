// Which control an input gets, and inputs that another signature computes: the vector of a
// sentence by the export of its encoder, a style by the mapping network.

import {
  CharactersControl, LabelControl, NoiseControl, NumbersControl, ShareControl, product,
} from "./controls.js";
import { capital, choice, labelled, make, slider, words } from "./elements.js";
import { Pad } from "./pad.js";

// Kinds that have a control of their own.
const DIRECT = ["normal", "uniform", "label", "image", "truncation", "share", "characters", "box"];

// `context`: {engine, index, entry, changed}. `spec` is of the card, `shape` of the file.
export function makeControl(spec, shape, context, number = 0) {
  const options = { ...spec, shape, changed: context.changed };
  if (spec.kind === "normal" || spec.kind === "uniform") {
    return new NoiseControl({ ...options, seed: context.seed ?? 0 });
  }
  if (spec.kind === "label") {
    const { classes } = context.entry;
    return new LabelControl({ ...options,
      names: classes?.length === spec.classes ? classes : null });
  }
  if (spec.kind === "truncation") return new ShareControl({ ...options, value: 0.7, max: 1.2 });
  if (spec.kind === "share") return new ShareControl({ ...options, value: 1 });
  if (spec.kind === "image" && shape.length === 3) {
    return new Pad({ ...options, pictures: context.index.pictures, number });
  }
  if (spec.kind === "characters") {
    return new CharactersControl({ ...options, alphabet: context.index.alphabet });
  }
  const sources = DIRECT.includes(spec.kind) ? [] : findSources(spec, shape, context);
  if (sources.length) return new ComputedControl(spec, shape, sources, context);
  return new NumbersControl(options);
}

// All inputs of a signature: {element, controls, value()}.
export class Inputs {
  static async make(signature, context) {
    const { inputs } = await context.engine.describe(signature.file);
    const shapes = Object.fromEntries(inputs.map(({ name, shape }) => [name, shape.slice(1)]));
    const images = signature.inputs.filter((spec) => spec.kind === "image");
    return new Inputs(signature.inputs.map((spec) => ({
      spec,
      shape: shapes[spec.name],
      control: makeControl(spec, shapes[spec.name], context, images.indexOf(spec)),
    })));
  }

  constructor(parts) {
    this.parts = parts;
    this.element = make("div", { className: "inputs" },
      ...parts.map(({ control }) => control.element));
  }

  async value() {
    const values = {};
    for (const { spec, control } of this.parts) values[spec.name] = await control.value();
    return values;
  }

  control(type) {
    return this.parts.map(({ control }) => control).find((control) => control instanceof type);
  }
}

const TITLES = { embedding: "Sentence", style: "Styles" };

// What can compute an input: {title, open(changed) -> {element, value()}}.
function findSources(spec, shape, context) {
  const sources = [];
  const { sentences } = context.entry;
  if (spec.kind === "embedding" && sentences?.[0]?.vector.length === product(shape)) {
    sources.push({ title: "sentences",
      open: (changed, number) => sentenceChoice(sentences, changed, number) });
  }
  const exports = [context.entry, ...context.index.exports.filter((e) => e !== context.entry)];
  for (const entry of exports) {
    for (const [name, signature] of Object.entries(entry.signatures)) {
      const output = signature.outputs[0];
      const fits = output.kind === spec.kind && product(output.shape) === product(shape);
      if (fits && signature.inputs.every((input) => DIRECT.includes(input.kind))) {
        const title = entry === context.entry ? words(name) : `${entry.id}: ${words(name)}`;
        sources.push({ title,
          open: (changed, seed) => signatureSource(entry, signature, context, changed, seed) });
      }
    }
  }
  return sources;
}

function sentenceChoice(sentences, changed, number) {
  const texts = sentences.map(({ text }) => text);
  const select = choice(texts, changed, number % texts.length);
  return {
    element: labelled("Sentence", select),
    value: () => Float32Array.from(sentences[select.selectedIndex].vector),
  };
}

// The first output of another signature, whose inputs have controls of their own.
function signatureSource(entry, signature, context, changed, seed) {
  const element = make("div");
  let last = null; // {key, values}: an unchanged sentence or style is not computed again
  const ready = Inputs.make(signature, { ...context, entry, changed, seed }).then((inputs) => {
    element.append(inputs.element);
    return inputs;
  });
  return {
    element,
    value: async () => {
      const inputs = await (await ready).value();
      const key = JSON.stringify(Object.values(inputs).map((values) => Array.from(values)));
      if (last?.key !== key) {
        const { outputs } = await context.engine.run(signature.file, inputs);
        last = { key, values: outputs[signature.outputs[0].name] };
      }
      return last.values;
    },
  };
}

// An input that sources compute; two of them can be mixed. Of a style `(layers, features)` the
// first layers come from one and the others from the other; other vectors are mixed by weights.
class ComputedControl {
  constructor(spec, shape, sources, context) {
    this.shape = shape;
    this.layers = spec.kind === "style" ? shape[0] : 0;
    this.changed = context.changed;
    this.sources = sources;
    this.holder = make("div");
    const title = TITLES[spec.kind] ?? capital(words(spec.name));
    this.element = make("fieldset", {}, make("legend", { textContent: title }));
    if (sources.length > 1) {
      const texts = sources.map((source) => source.title);
      this.element.append(labelled("From", choice(texts, (i) => this.use(i, true))));
    }
    this.element.append(this.holder);
    this.use(0, false);
  }

  use(number, announce) {
    const { open } = this.sources[number];
    this.first = open(this.changed, 0);
    this.second = open(this.changed, 1);
    const options = this.layers
      ? { min: 0, max: this.layers, step: 1, value: Math.ceil(this.layers / 2) }
      : { min: 0, max: 1, step: 0.01, value: 0 };
    const title = this.layers ? "Layers of the first" : "Share of the second";
    this.mix = slider(title, { ...options, onchange: this.changed });
    const group = (text, part) => make("fieldset", {}, make("legend", { textContent: text }),
      part.element);
    this.holder.replaceChildren(group("First", this.first), group("Second", this.second),
      this.mix.element);
    if (announce) this.changed();
  }

  async value() {
    const position = this.mix.value();
    const share = this.layers ? 1 - position / this.layers : position;
    if (share === 0) return this.first.value();
    if (share === 1) return this.second.value();
    const [first, second] = [await this.first.value(), await this.second.value()];
    if (!this.layers) return first.map((value, i) => (1 - share) * value + share * second[i]);
    const crossover = position * (first.length / this.layers);
    return first.map((value, i) => (i < crossover ? value : second[i]));
  }
}
