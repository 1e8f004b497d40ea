// A canvas to draw on, by finger, mouse or keyboard, that opens photos too.

import { cover, drawScene, drawWaves, fromImageData, paint } from "./pixels.js";
import { button, capital, choice, labelled, make, slider, words } from "./elements.js";

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HELP = "Draw here. With the keyboard: arrow keys move, Space draws, Escape lifts the brush.";

export class Pad {
  // `shape` is that of the network's image: (height, width, channels).
  // With `hole`, a second canvas above it takes the strokes while `makesHole` is set.
  constructor({ name, shape, pictures = [], changed, number = 0, hole = false }) {
    [this.height, this.width, this.channels] = shape;
    this.changed = changed;
    this.history = [];
    this.canvas = make("canvas", { width: this.width, height: this.height, tabIndex: 0,
      className: "pad", role: "img", "aria-label": HELP });
    this.cursor = make("div", { className: "cursor", hidden: true });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.point = [this.width / 2, this.height / 2];
    this.colour = make("input", { type: "color", value: "#202020" });
    this.size = slider("Brush", { min: 1, max: Math.max(4, Math.round(this.width / 4)), step: 1,
      value: Math.max(1, Math.round(this.width / 16)), onchange: () => {} });
    this.overlay = hole ? make("canvas", { width: this.width, height: this.height,
      className: "hole" }) : null;
    this.mask = this.overlay?.getContext("2d", { willReadFrequently: true });
    this.makesHole = hole;
    this.stage = make("div", { className: "stage" }, this.canvas, this.overlay ?? "", this.cursor);
    this.stage.style.aspectRatio = `${this.width} / ${this.height}`;
    this.tools = make("div", { className: "tools" }, ...this.makeTools(pictures));
    this.element = make("fieldset", {}, make("legend", { textContent: capital(words(name)) }),
      this.stage, this.tools);
    this.listen();
    this.clear();
    if (pictures.length) this.openUrl(pictures[number % pictures.length]);
    else [drawScene, drawWaves][number % 2](this.canvas);
  }

  makeTools(pictures) {
    const file = make("input", { type: "file", accept: "image/*", hidden: true });
    file.addEventListener("change", () => {
      if (file.files.length) this.openFile(file.files[0]);
      file.value = "";
    });
    const texts = pictures.map((_, i) => `Picture ${i + 1}`);
    const starts = [
      ...pictures.map((url) => () => this.openUrl(url)),
      () => this.replace(() => drawScene(this.canvas)),
      () => this.replace(() => drawWaves(this.canvas)),
      () => this.replace(() => this.clear()),
    ];
    const offered = choice(["Start from …", ...texts, "Landscape", "Waves", "White"], (i) => {
      offered.selectedIndex = 0;
      starts[i - 1]?.();
    });
    offered.setAttribute("aria-label", "Start from a picture");
    return [
      labelled("Colour", this.colour, button("Undo", () => this.undo())),
      this.size.element,
      make("div", { className: "row" }, button("Open a photo", () => file.click()), offered, file),
    ];
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      this.remember();
      this.pointer = event.pointerId;
      this.stroke(this.position(event), this.position(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.pointer) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        this.stroke(this.point, this.position(each));
      }
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => (this.pointer = undefined));
    }
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("blur", () => (this.cursor.hidden = true));
    this.stage.addEventListener("dragover", (event) => event.preventDefault());
    this.stage.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) this.openFile(event.dataTransfer.files[0]);
    });
  }

  position(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.width,
      ((event.clientY - box.top) / box.height) * this.height,
    ];
  }

  press(event) {
    const step = KEYS[event.key];
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) this.undo();
    else if (event.key === "Escape") this.isDown = false;
    else if (event.key === " " || event.key === "Enter") {
      this.isDown = !this.isDown;
      if (this.isDown) this.remember();
      if (this.isDown) this.stroke(this.point, this.point);
    } else if (step) {
      const far = Math.max(1, this.size.value() / 2);
      const target = this.point.map((value, i) => value + far * step[i]);
      target[0] = Math.min(this.width, Math.max(0, target[0]));
      target[1] = Math.min(this.height, Math.max(0, target[1]));
      if (this.isDown) this.stroke(this.point, target);
      this.point = target;
    } else return;
    event.preventDefault();
    this.cursor.hidden = false;
    this.cursor.classList.toggle("down", Boolean(this.isDown));
    this.cursor.style.left = `${(100 * this.point[0]) / this.width}%`;
    this.cursor.style.top = `${(100 * this.point[1]) / this.height}%`;
  }

  stroke(from, to) {
    const context = this.makesHole ? this.mask : this.context;
    context.strokeStyle = this.makesHole ? "#ff2fe6" : this.colour.value;
    context.lineWidth = this.size.value();
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 1e-3, to[1]);
    context.stroke();
    this.point = to;
    this.changed();
  }

  remember() {
    this.history.push([this.image(), this.mask?.getImageData(0, 0, this.width, this.height)]);
    if (this.history.length > 20) this.history.shift();
  }

  undo() {
    if (!this.history.length) return;
    const [image, mask] = this.history.pop();
    this.context.putImageData(image, 0, 0);
    if (mask) this.mask.putImageData(mask, 0, 0);
    this.changed();
  }

  replace(draw) {
    this.remember();
    this.mask?.clearRect(0, 0, this.width, this.height);
    draw();
    this.changed();
  }

  clear() {
    this.context.fillStyle = "white";
    this.context.fillRect(0, 0, this.width, this.height);
  }

  async openFile(file) {
    try {
      const image = await createImageBitmap(file); // upright, as its EXIF entry says
      this.replace(() => cover(this.canvas, image));
    } catch {
      this.element.dispatchEvent(new CustomEvent("problem", { bubbles: true,
        detail: `${file.name} is not an image that this browser reads` }));
    }
  }

  openUrl(url) {
    const image = new Image();
    image.onload = () => this.replace(() => cover(this.canvas, image));
    image.src = url;
  }

  image() {
    return this.context.getImageData(0, 0, this.width, this.height);
  }

  value() {
    return fromImageData(this.image(), this.channels);
  }

  // 1 for each pixel in the hole, by rows.
  hole() {
    const { data } = this.mask.getImageData(0, 0, this.width, this.height);
    return Uint8Array.from({ length: this.width * this.height }, (_, i) =>
      data[4 * i + 3] >= 64 ? 1 : 0);
  }

  // Shows numbers in [-1, 1] of the pad's own shape.
  setValue(values) {
    this.replace(() => paint(this.canvas, values, [this.height, this.width, this.channels]));
  }
}
