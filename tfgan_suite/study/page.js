"use strict";
// One study: welcome, trials, done. The page knows images by opaque names only.
(() => {
const study = JSON.parse(document.getElementById("study").textContent);
const LOCK = 200; // ms after an image appears in which answers are ignored: no double presses
const element = (id) => document.getElementById(id);
const store = "study-" + study.id;

// ---- SHA-256 (FIPS 180-4): `crypto.subtle` is missing where pages are opened as files ----------
const fraction = (x) => Math.floor((x - Math.floor(x)) * 4294967296) >>> 0;
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
const rounds = primes.map((p) => fraction(Math.cbrt(p)));
const turn = (x, n) => (x >>> n) | (x << (32 - n));

function sha256(text) {
  const bytes = Array.from(new TextEncoder().encode(text));
  const bits = bytes.length * 8;
  bytes.push(128);
  while (bytes.length % 64 !== 56) bytes.push(0);
  for (let i = 7; i >= 0; i--) bytes.push(Math.floor(bits / 2 ** (8 * i)) & 255);
  const state = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
  for (let at = 0; at < bytes.length; at += 64) {
    const w = [];
    for (let i = 0; i < 16; i++) {
      const j = at + 4 * i;
      w[i] = (bytes[j] << 24) | (bytes[j + 1] << 16) | (bytes[j + 2] << 8) | bytes[j + 3];
    }
    for (let i = 16; i < 64; i++) {
      const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const one = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + w[i]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { state[i] = (state[i] + x) | 0; });
  }
  return state.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}

// ---- each rater's order: sorted by a hash, so that the analysis can compute it again ------------
function orderFor(rater) {
  const rank = (what) => sha256([study.id, rater, what].join("\n"));
  // The page has either side on the left equally often; every other rater sees its mirror image.
  const mirrored = parseInt(rank("side")[0], 16) % 2 === 1;
  return study.trials
    .map((trial) => ({ trial, rank: rank(trial.id) }))
    .sort((x, y) => (x.rank < y.rank ? -1 : 1))
    .map(({ trial }) => ({
      id: trial.id,
      shown: mirrored ? [...trial.images].reverse() : [...trial.images],
    }));
}

// ---- what is stored between reloads -------------------------------------------------------------
let state = null; // {rater, started, automated, answers: [{trial, answer, ms}]}
let order = [];
let shownAt = 0;

function persist() {
  try { localStorage.setItem(store, JSON.stringify(state)); } catch (error) { /* private mode */ }
}

function restore() {
  try {
    const saved = JSON.parse(localStorage.getItem(store));
    if (!saved || !saved.rater || !Array.isArray(saved.answers)) return false;
    const again = orderFor(saved.rater);
    if (saved.answers.some((answer, i) => !again[i] || answer.trial !== again[i].id)) return false;
    state = saved;
    order = again;
    return true;
  } catch (error) { return false; }
}

// ---- sections -------------------------------------------------------------------------------------
const CHOICES = {
  preference: [["left", "Left", "1"], ["right", "Right", "2"]],
  turing: [["real", "Real", "R"], ["generated", "Generated", "G"]],
  mos: [[1, "Bad", "1"], [2, "Poor", "2"], [3, "Fair", "3"], [4, "Good", "4"],
        [5, "Excellent", "5"]],
};
const KEYS = {
  preference: "← or 1 for left, → or 2 for right, U to go back.",
  turing: "R or ← for real, G or → for generated, U to go back.",
  mos: "1 (bad) to 5 (excellent), U to go back.",
};
const ARROWS = { preference: ["left", "right"], turing: ["real", "generated"] };

function show(name) {
  for (const section of ["welcome", "trial", "done"]) element(section).hidden = section !== name;
}

function imageElement(name, text) {
  const image = document.createElement("img");
  image.src = study.images[name];
  image.alt = text;
  image.draggable = false;
  const [width, height] = study.sizes[name];
  const room = study.kind === "preference" ? 400 : 480;
  const times = room / Math.max(width, height);
  const shown = Math.round(width * (times > 1 ? Math.floor(times) : times));
  image.style.setProperty("--shown", shown + "px");
  image.style.setProperty("--ratio", String(width / height));
  image.width = width;
  image.height = height;
  if (Math.max(width, height) <= 128) image.className = "coarse";
  return image;
}

function button(value, text, key) {
  const control = document.createElement("button");
  control.type = "button";
  control.dataset.answer = String(value);
  control.setAttribute("aria-keyshortcuts", key);
  control.addEventListener("click", () => answer(value));
  if (study.kind === "mos") {
    const number = document.createElement("span");
    number.className = "number";
    number.textContent = String(value);
    control.append(number, text);
  } else {
    const hint = document.createElement("kbd");
    hint.textContent = key;
    control.append(text, hint);
  }
  return control;
}

function next() {
  const at = state.answers.length;
  if (at === order.length) return finish();
  show("trial");
  const total = order.length;
  element("progress").max = total;
  element("progress").value = at;
  element("place").textContent = `Question ${at + 1} of ${total}`;
  element("spoken").textContent = `Question ${at + 1} of ${total}. `
    + document.getElementById("question").textContent;
  element("undo").disabled = at === 0;
  const shown = order[at].shown;
  const images = [], answers = [];
  for (const [index, [value, text, key]] of CHOICES[study.kind].entries()) {
    const control = button(value, text, key);
    if (study.kind !== "preference") { answers.push(control); continue; }
    // The images themselves are the buttons.
    const name = document.createElement("span");
    name.className = "name";
    name.append(...control.childNodes);
    control.append(imageElement(shown[index], text + " image"), name);
    const figure = document.createElement("figure");
    figure.append(control);
    images.push(figure);
  }
  if (study.kind !== "preference") {
    const figure = document.createElement("figure");
    figure.append(imageElement(shown[0], "Image to rate"));
    images.push(figure);
  }
  element("images").replaceChildren(...images);
  element("answers").replaceChildren(...answers);
  element("answers").hidden = !answers.length;
  element("question").focus({ preventScroll: true });
  window.scrollTo(0, 0);
  shownAt = performance.now();
}

function answer(value) {
  const at = state.answers.length;
  const ms = Math.round(performance.now() - shownAt);
  if (element("trial").hidden || at >= order.length || ms < LOCK) return;
  const trial = order[at];
  const choice = study.kind === "preference" ? trial.shown[value === "left" ? 0 : 1] : value;
  state.answers.push({ trial: trial.id, answer: choice, ms });
  persist();
  next();
}

function back() {
  if (!state || !state.answers.length) return;
  state.answers.pop();
  persist();
  next();
}

// ---- the result file ------------------------------------------------------------------------------
function result() {
  const lines = order.map((trial) => [trial.id, ...trial.shown].join(" "));
  const answers = state.answers.map((choice, i) => ({
    trial: choice.trial, shown: order[i].shown, answer: choice.answer, ms: choice.ms,
  }));
  const record = {
    format: "tfgan_suite study answers 1", study: study.id, kind: study.kind, rater: state.rater,
    automated: state.automated, started: state.started, finished: state.finished,
    order: sha256(lines.join("\n")), answers,
  };
  const content = [record.format, record.study, record.kind, record.rater, String(record.automated),
    record.started, record.finished, record.order,
    ...answers.map((a) => [a.trial, ...a.shown, a.answer, a.ms].join(" "))];
  record.check = sha256(content.join("\n"));
  return record;
}

function finish() {
  if (!state.finished) state.finished = new Date().toISOString();
  persist();
  const name = `answers_${study.id}_${state.rater}.json`;
  const text = JSON.stringify(result(), null, 1) + "\n";
  const link = element("save");
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  element("file").textContent = name;
  element("saved").textContent = "";
  show("done");
  element("done-title").focus();
}

// ---- start ------------------------------------------------------------------------------------------
element("count").textContent = String(study.trials.length);
element("keys").textContent = KEYS[study.kind];

element("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const rater = element("rater").value.trim();
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(rater)) {
    element("rater-error").textContent = "Please use 1 to 40 letters, digits, - or _.";
    element("rater").setAttribute("aria-invalid", "true");
    element("rater").focus();
    return;
  }
  state = { rater, started: new Date().toISOString(), automated: Boolean(navigator.webdriver),
    answers: [] };
  order = orderFor(rater);
  persist();
  next();
});

document.addEventListener("keydown", (event) => {
  if (element("trial").hidden || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  if (key === "U") { event.preventDefault(); return back(); }
  const arrows = ARROWS[study.kind];
  if (arrows && (key === "ArrowLeft" || key === "ArrowRight")) {
    event.preventDefault();
    return answer(arrows[key === "ArrowLeft" ? 0 : 1]);
  }
  const choice = CHOICES[study.kind].find((c) => c[2] === key);
  if (choice) { event.preventDefault(); answer(choice[0]); }
});

function undoLast() {
  delete state.finished;
  back();
}
element("undo").addEventListener("click", back);
element("undo-last").addEventListener("click", undoLast);
element("save").addEventListener("click", () => {
  element("saved").textContent = "Saved. Please hand in the file.";
});
element("save").addEventListener("keydown", (event) => {
  if (event.key === " ") { event.preventDefault(); element("save").click(); }
});
element("anew").addEventListener("click", () => {
  if (!element("saved").textContent
      && !confirm("The answers have not been saved yet. Continue?")) return;
  localStorage.removeItem(store);
  state = null;
  element("rater").value = "";
  show("welcome");
  element("rater").focus();
});

if (restore()) next(); else show("welcome");
})();
