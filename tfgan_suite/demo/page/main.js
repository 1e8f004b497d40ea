// The page: a choice of exports, and for each a choice of what it can do.

import { capital, choice, make, words } from "./elements.js";
import { Engine } from "./engine.js";
import { FillTask, canFill } from "./fill.js";
import { SignatureTask } from "./task.js";

const element = (id) => document.getElementById(id);
const NAMES = {
  generate: "Truncation",
  synthesis: "Style mixing",
  mapping: "Mapping network",
  a_to_b: "A to B",
  b_to_a: "B to A",
  back: "Back",
};

function status(text, isProblem = false) {
  element("status").textContent = text;
  element("status").classList.toggle("problem", isProblem);
}

// What a signature is called: of the main one, what it does.
function title(name, { inputs, outputs }) {
  if (name !== "serving_default") return NAMES[name] ?? capital(words(name));
  const kinds = inputs.map(({ kind }) => kind);
  if (outputs[0].kind !== "image") return kinds.includes("characters") ? "Encode" : "Run";
  if (kinds.filter((kind) => kind === "image").length > 1) return "Stylize";
  if (kinds.includes("image")) return "Draw";
  return "Sample";
}

// Names and functions that make the tasks of an export; those that draw images come first.
function tasksOf(entry) {
  const signatures = Object.entries(entry.signatures);
  const tasks = signatures.map(([name, signature]) => ({
    title: title(name, signature),
    last: signature.outputs[0].kind !== "image",
    open: (context) => new SignatureTask(signature, context),
  }));
  const noise = signatures.find(([, signature]) => canFill(signature));
  if (noise) {
    tasks.push({ title: "Fill and edit", open: (context) => new FillTask(noise[1], context) });
  }
  return [...tasks.filter((task) => !task.last), ...tasks.filter((task) => task.last)];
}

function count(number) {
  return number < 1e5 ? number.toLocaleString("en") : `${(number / 1e6).toFixed(2)} million`;
}

function describe({ game, data, steps, parameters, precision }) {
  const facts = [
    game && data ? `${words(game)} trained on ${data}` : game,
    steps && `${steps.toLocaleString("en")} steps`,
    parameters && `${count(parameters)} parameters`,
    precision !== "float32" && precision,
  ];
  return facts.filter(Boolean).join(", ");
}

class Page {
  constructor(index) {
    this.index = index;
    this.engine = new Engine(index.runtime);
    this.last = null; // the newest result, for the console and for tests
    this.task = null;
    document.title = index.title;
    element("title").textContent = index.title;
    const names = index.exports.map(({ id }) => words(id));
    const select = choice(names, (i) => (location.hash = index.exports[i].id));
    select.id = "exports";
    element("exports").replaceWith(select);
    element("choice").hidden = names.length < 2;
    window.addEventListener("hashchange", () => this.openExport());
    document.addEventListener("problem", (event) => status(event.detail, true));
    this.openExport();
  }

  openExport() {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const number = Math.max(0, this.index.exports.findIndex(({ id }) => id === wanted));
    this.entry = this.index.exports[number];
    element("exports").selectedIndex = number;
    element("facts").textContent = describe(this.entry);
    const tasks = tasksOf(this.entry);
    const tabs = tasks.map((task, i) => make("button", { type: "button", role: "tab",
      textContent: task.title, onclick: () => this.openTask(tasks, i) }));
    element("tabs").replaceChildren(...tabs);
    element("tabs").hidden = tabs.length < 2;
    element("tabs").onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const at = tabs.indexOf(document.activeElement);
      if (!step || at < 0) return;
      const next = (at + step + tabs.length) % tabs.length;
      tabs[next].focus();
      tabs[next].click();
    };
    this.openTask(tasks, 0);
  }

  async openTask(tasks, number) {
    this.task?.close();
    [...element("tabs").children].forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === number));
      tab.tabIndex = i === number ? 0 : -1;
    });
    const record = (result) => (this.last = result);
    const { engine, index, entry } = this;
    const task = tasks[number].open({ engine, index, entry, status, record });
    this.task = task;
    element("task").replaceChildren(task.element);
    try {
      await task.open();
    } catch (error) {
      status(error.message, true);
    }
    if (this.task === task) document.body.dataset.ready = tasks[number].title;
  }
}

async function open() {
  const response = await fetch("demo.json");
  if (!response.ok) throw new Error(`demo.json cannot be fetched: ${response.status}`);
  globalThis.demo = new Page(await response.json());
}

open().catch((error) => status(error.message, true));
