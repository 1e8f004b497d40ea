// Short ways to make the page's parts.

let count = 0;

// An element with properties and children; texts are always texts, never HTML.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "style" || key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(text, onclick, properties = {}) {
  return make("button", { type: "button", textContent: text, onclick, ...properties });
}

// A control with its label in front of it.
export function labelled(text, control, ...more) {
  control.id ||= `control-${++count}`;
  return make("div", { className: "row" },
    make("label", { htmlFor: control.id, textContent: text }), control, ...more);
}

// {element, value(), set(number)} of a slider that shows its value.
export function slider(text, { min, max, step = 0.01, value, onchange, show = formatted }) {
  const shown = make("output", { textContent: show(value) });
  const input = make("input", { type: "range", min, max, step, value });
  const update = () => (shown.textContent = show(Number(input.value)));
  input.addEventListener("input", () => {
    update();
    onchange();
  });
  return {
    element: labelled(text, input, shown),
    value: () => Number(input.value),
    set: (number) => {
      input.value = number;
      update();
    },
  };
}

function formatted(value) {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

// A <select> of texts; `onchange` gets the index.
export function choice(texts, onchange, selected = 0) {
  const select = make("select", {},
    ...texts.map((text, i) => make("option", { value: String(i), textContent: text })));
  select.selectedIndex = selected;
  select.addEventListener("change", () => onchange(select.selectedIndex));
  return select;
}

// "serving_default" as "serving default".
export function words(name) {
  return name.replaceAll("_", " ");
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
