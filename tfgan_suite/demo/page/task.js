// What a signature offers: its inputs as controls, its outputs as displays, run at each change.

import { NoiseControl } from "./controls.js";
import { ImageDisplay, makeDisplay } from "./displays.js";
import { button, make } from "./elements.js";
import { latestOnly } from "./engine.js";
import { Inputs } from "./inputs.js";
import { Pad } from "./pad.js";
import { paint } from "./pixels.js";

const THUMBNAILS = 8;
const PAUSE = 150; // ms without a change before thumbnails are drawn again
const SLOW = 400; // ms of a sample from which on there are no thumbnails

export class SignatureTask {
  // `context`: {engine, index, entry, status(text), record(result)}.
  constructor(signature, context) {
    this.signature = signature;
    this.context = context;
    this.element = make("div", { className: "task" });
    this.refresh = latestOnly(() => this.run());
  }

  async open() {
    const { engine, status } = this.context;
    status("Loading the network …");
    const { outputs } = await engine.describe(this.signature.file);
    const changed = () => this.refresh().catch((error) => status(error.message, true));
    this.inputs = await Inputs.make(this.signature, { ...this.context, changed });
    const pads = this.inputs.parts.filter(({ control }) => control instanceof Pad);
    const shapes = Object.fromEntries(outputs.map(({ name, shape }) => [name, shape.slice(1)]));
    this.displays = this.signature.outputs.map((spec) => ({
      spec,
      display: makeDisplay(spec, shapes[spec.name], pads.length === 1 && pads[0].control),
    }));
    this.outputs = make("div", { className: "outputs" },
      ...this.displays.map(({ display }) => display.element));
    this.element.classList.toggle("drawing", pads.length > 0);
    this.element.replaceChildren(this.outputs, this.inputs.element);
    await this.refresh();
    const noise = this.inputs.control(NoiseControl);
    const image = this.displays.find(({ display }) => display instanceof ImageDisplay);
    if (noise && image && this.milliseconds < SLOW) await this.addThumbnails(noise, image);
  }

  async run() {
    const { engine, status, record } = this.context;
    const inputs = await this.inputs.value();
    const { outputs, milliseconds } = await engine.run(this.signature.file, inputs);
    for (const { spec, display } of this.displays) display.show(outputs[spec.name]);
    this.milliseconds = milliseconds;
    this.followConditions(inputs);
    status(`Computed in ${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`);
    record({ file: this.signature.file, inputs, outputs, milliseconds });
  }

  // Labels, sentences and psi are those of the thumbnails, too.
  followConditions(inputs) {
    if (!this.redraw) return;
    const names = Object.keys(inputs).filter((name) => name !== this.noiseName);
    const conditions = names.map((name) => Array.from(inputs[name]).join()).join(";");
    if (conditions === this.conditions) return;
    this.conditions = conditions;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.redraw().catch(() => {}), PAUSE);
  }

  // Samples of further seeds below the large one; a click makes one the large one.
  async addThumbnails(noise, { spec, display }) {
    const row = make("div", { className: "thumbnails" });
    const canvases = Array.from({ length: THUMBNAILS }, () =>
      make("canvas", { width: display.shape[1], height: display.shape[0] }));
    let first = noise.seed() + 1;
    this.noiseName = this.inputs.parts.find(({ control }) => control === noise).spec.name;
    const draw = latestOnly(async () => {
      for (const [i, canvas] of canvases.entries()) {
        const inputs = { ...(await this.inputs.value()) };
        inputs[this.noiseName] = noise.noise(first + i);
        const { outputs } = await this.context.engine.run(this.signature.file, inputs);
        paint(canvas, outputs[spec.name], display.shape);
        canvas.parentElement.setAttribute("aria-label", `seed ${first + i}`);
      }
    });
    canvases.forEach((canvas, i) =>
      row.append(button("", () => noise.setSeed(first + i), { className: "thumbnail" })));
    canvases.forEach((canvas, i) => row.children[i].append(canvas));
    row.append(button("More", () => {
      first += THUMBNAILS;
      draw();
    }));
    this.outputs.append(row);
    await draw();
    this.redraw = draw;
  }

  close() {
    clearTimeout(this.timer);
    this.inputs?.control(NoiseControl)?.stopWalk();
  }
}
