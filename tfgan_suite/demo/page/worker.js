// Runs TFLite files with LiteRT.js, off the page's own thread, so that the page answers meanwhile.
// A classic worker: LiteRT.js loads its WebAssembly by importScripts, which modules do not have.
"use strict";

let runtime = null; // a promise of the module
const models = new Map(); // promises of compiled models, by URL
let queue = Promise.resolve(); // the runtime does one thing after another

async function start({ module, binaries }) {
  // In a worker it would look for its .wasm file beside this script.
  // It reports all that it does as errors; only errors are.
  self.Module = {
    locateFile: (name) => binaries + name,
    printErr: (text) => (/^(INFO|WARNING)/.test(text) ? console.debug : console.error)(text),
  };
  const litert = await import(module);
  await litert.loadLiteRt(binaries);
  return litert;
}

async function compile(url) {
  const litert = await runtime;
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be fetched: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // On the CPU the results are those of Python; a GPU computes in other orders and precisions.
  return litert.loadAndCompile(bytes, { accelerator: "wasm" });
}

function model(url) {
  if (!models.has(url)) {
    const compiled = compile(url);
    compiled.catch(() => models.delete(url)); // the next call tries again
    models.set(url, compiled);
  }
  return models.get(url);
}

function details(tensors) {
  return tensors.map(({ name, shape, dtype }) => ({ name, shape: Array.from(shape), dtype }));
}

async function describe({ url }) {
  const compiled = await model(url);
  return {
    inputs: details(compiled.getInputDetails()),
    outputs: details(compiled.getOutputDetails()),
  };
}

const ARRAYS = { float32: Float32Array, int32: Int32Array };

function makeTensors(litert, compiled, inputs) {
  const tensors = {};
  for (const { name, shape, dtype } of compiled.getInputDetails()) {
    if (!(name in inputs)) throw new Error(`the input ${name} is missing`);
    const values = ARRAYS[dtype].from(inputs[name]);
    tensors[name] = new litert.Tensor(values, Array.from(shape));
  }
  return tensors;
}

async function run({ url, inputs }) {
  const litert = await runtime;
  const compiled = await model(url);
  const tensors = makeTensors(litert, compiled, inputs);
  const begin = performance.now();
  const answers = await compiled.run(tensors);
  const milliseconds = performance.now() - begin;
  const outputs = {};
  for (const { name } of compiled.getOutputDetails()) {
    outputs[name] = answers[name].toTypedArray().slice();
    answers[name].delete();
  }
  Object.values(tensors).forEach((tensor) => tensor.delete());
  return { outputs, milliseconds };
}

const TASKS = { describe, run };

self.onmessage = ({ data }) => {
  if (data.task === "start") {
    runtime = start(data);
    runtime.catch(() => {}); // whoever waits for it is told
    return;
  }
  queue = queue.then(async () => {
    try {
      const answer = await TASKS[data.task](data);
      self.postMessage({ id: data.id, answer });
    } catch (error) {
      self.postMessage({ id: data.id, error: String(error?.message ?? error) });
    }
  });
};
