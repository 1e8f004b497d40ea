// One display for each kind of output: {element, show(values)}.

import { paint } from "./pixels.js";
import { button, capital, make, slider, words } from "./elements.js";

function stage(shape, ...children) {
  const element = make("div", { className: "stage" }, ...children);
  element.style.aspectRatio = `${shape[1]} / ${shape[0]}`;
  return element;
}

function save(canvas, name) {
  canvas.toBlob((blob) => {
    const url = URL.createObjectURL(blob);
    make("a", { href: url, download: `${name}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  });
}

export class ImageDisplay {
  constructor(spec, shape) {
    this.shape = shape;
    this.canvas = make("canvas", { className: "output", role: "img", width: shape[1],
      height: shape[0], "aria-label": `output: ${words(spec.name)}` });
    this.element = make("figure", {}, stage(shape, this.canvas),
      make("figcaption", {}, button("Save", () => save(this.canvas, spec.name))));
  }

  show(values) {
    paint(this.canvas, values, this.shape);
  }
}

// The small input, enlarged as browsers do, under a curtain beside the network's output.
export class CompareDisplay {
  constructor(spec, shape, before) {
    this.shape = shape;
    this.before = before; // the canvas of the input
    this.under = make("canvas", { className: "smooth", width: shape[1], height: shape[0] });
    this.canvas = make("canvas", { className: "output over", role: "img", width: shape[1],
      height: shape[0], "aria-label": "the enlarged image" });
    const line = make("div", { className: "curtain" });
    const place = () => {
      const share = this.slider.value();
      this.canvas.style.clipPath = `inset(0 0 0 ${100 * share}%)`;
      line.style.left = `${100 * share}%`;
    };
    this.slider = slider("Before | after", { min: 0, max: 1, value: 0.5, onchange: place,
      show: (value) => `${Math.round(100 * value)} %` });
    place();
    const area = stage(shape, this.under, this.canvas, line);
    const move = (event) => {
      const box = area.getBoundingClientRect();
      this.slider.set(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
      place();
    };
    area.classList.add("compare");
    area.addEventListener("pointerdown", (event) => {
      area.setPointerCapture(event.pointerId);
      move(event);
    });
    area.addEventListener("pointermove", (event) => event.buttons && move(event));
    this.element = make("figure", {}, area, this.slider.element,
      make("figcaption", {}, button("Save", () => save(this.canvas, spec.name))));
  }

  show(values) {
    paint(this.canvas, values, this.shape);
    const context = this.under.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(this.before, 0, 0, this.under.width, this.under.height);
  }
}

const TRAIL = 400;

// A point in the plane, over those before it.
class PointDisplay {
  constructor() {
    this.points = [];
    this.canvas = make("canvas", { className: "output", width: 400, height: 400, role: "img",
      "aria-label": "output: points" });
    this.element = make("figure", {}, stage([1, 1], this.canvas));
  }

  show(values) {
    this.points = [...this.points.slice(-TRAIL), [values[0], values[1] ?? 0]];
    const most = 1.1 * Math.max(1e-6, ...this.points.flat().map(Math.abs));
    const context = this.canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, 400, 400);
    this.points.forEach(([x, y], i) => {
      const isLast = i === this.points.length - 1;
      context.fillStyle = isLast ? "#c2410c" : "#1d4ed866";
      context.beginPath();
      context.arc(200 + (200 * x) / most, 200 - (200 * y) / most, isLast ? 7 : 3, 0, 7);
      context.fill();
    });
  }
}

const FIRST = 64;

class NumbersDisplay {
  constructor(spec) {
    this.title = capital(words(spec.name));
    this.summary = make("summary");
    this.text = make("pre");
    this.element = make("details", {}, this.summary, this.text);
  }

  show(values) {
    this.summary.textContent = `${this.title}: ${values.length} numbers`;
    const texts = Array.from(values.slice(0, FIRST), (value) => Number(value).toFixed(3));
    this.text.textContent = texts.join("  ") + (values.length > FIRST ? "  …" : "");
  }
}

export function makeDisplay(spec, shape, pad) {
  if (spec.kind === "image" && shape.length === 3) {
    const factor = pad ? shape[0] / pad.height : 1;
    const enlarges = factor >= 2 && shape[1] / pad.width === factor;
    return enlarges ? new CompareDisplay(spec, shape, pad.canvas) : new ImageDisplay(spec, shape);
  }
  if (spec.kind === "point") return new PointDisplay();
  return new NumbersDisplay(spec);
}
