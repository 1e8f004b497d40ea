// The page's side of worker.js: calls that return promises.

export class Engine {
  constructor({ module, binaries }) {
    const absolute = (path) => new URL(path, document.baseURI).href;
    this.calls = new Map();
    this.count = 0;
    this.shapes = new Map();
    this.worker = new Worker("worker.js");
    this.worker.onmessage = ({ data }) => this.settle(data);
    this.worker.onerror = (event) => this.fail(event.message || "the worker could not be started");
    this.worker.postMessage({
      task: "start",
      module: absolute(module),
      binaries: absolute(binaries),
    });
  }

  call(task, file, inputs = undefined) {
    const id = (this.count += 1);
    const url = new URL(file, document.baseURI).href;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.worker.postMessage({ id, task, url, inputs });
    });
  }

  settle({ id, answer, error }) {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error === undefined) call.resolve(answer);
    else call.reject(new Error(error));
  }

  fail(reason) {
    for (const { reject } of this.calls.values()) reject(new Error(reason));
    this.calls.clear();
  }

  // Names, shapes (with the batch of 1) and types of a file's inputs and outputs.
  describe(file) {
    if (!this.shapes.has(file)) this.shapes.set(file, this.call("describe", file));
    return this.shapes.get(file);
  }

  // {outputs: {name: array}, milliseconds} of inputs {name: array}.
  run(file, inputs) {
    return this.call("run", file, inputs);
  }
}

// A function that runs `task`, and once more if it was called meanwhile: slow networks follow a
// finger on a slider without a queue of all the positions that it has passed.
export function latestOnly(task) {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        await task();
      }
    } finally {
      running = false;
    }
  };
}
