"use strict";
// The address is the workload: each change updates the address, asks the server, and shows the answer.
const SLIDERS = {
  requests: [1, 1e10], duration_ms: [1, 1.8e6], memory_mb: [128, 10240], peak_per_second: [0.01, 1e5],
  payload_out_mb: [0.001, 200], start_seconds: [0.1, 600],
};
const ARCHITECTURES = ["x86_64", "arm64"];
const EVEN = { cpu_share: [0.01, 1], cached_share: [0, 1] };
const FIRST = ["region", "requests", "duration_ms", "memory_mb", "cpu_share", "peak_per_second", "payload_out_mb", "internet",
  "front_door", "load_balancer", "cached_share", "start_seconds", "interruptible", "production"];
const KINDS = {
  compute: "compute", requests: "requests and messages", way: "entry point", network: "network and transfer", logs: "logs",
  rest: "the rest",
};
const SVG = "http://www.w3.org/2000/svg";
const NUMBER = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4, notation: "compact" });
const by = (id) => document.getElementById(id);
let asked = new URLSearchParams(location.search), asking = null, soon = 0, known = null;

function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function drawing(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

async function ask() {
  document.documentElement.dataset.state = "asking";
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(`/answer?${asked}`, { signal: asking.signal });
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
    by("error").hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    by("error").textContent = error instanceof TypeError ? "The server has ended: start it again." : error.message;
    by("error").hidden = false;
  }
  document.documentElement.dataset.state = by("error").hidden ? "drawn" : "failed";
}

function change(key, text, done = true) {
  if (text === "") asked.delete(key); else asked.set(key, text);
  document.documentElement.dataset.state = "asking";
  clearTimeout(soon);  // a dragged slider asks at most ten times a second, and is one entry in the browser's history
  soon = setTimeout(() => {
    if (done) history.pushState(null, "", `?${asked}`);
    ask();
  }, 100);
}

function show(found) {
  if (!asked.size) {
    asked = new URLSearchParams(found.query);
    history.replaceState(null, "", `?${asked}`);
  }
  by("answer").textContent = found.answer;
  refresh(found);
  by("legend").replaceChildren(...Object.entries(KINDS).map(([kind, text]) => made("li", {}, made("span", { className: kind }), text)));
  bars(found);
  curve(found);
  by("words").replaceChildren(...found.paragraphs.flatMap(([title, lines]) =>
    [made("h2", { textContent: title }), made("ul", {}, ...lines.map((line) => made("li", { textContent: line })))]));
  by("link").href = `/?${found.query}`;
  by("toml").href = `/workload.toml?${found.query}`;
  by("markdown").href = `/workload.md?${found.query}`;
  by("prices").textContent = `List prices of ${found.region} as of ${found.prices_as_of}. ${found.warning}`;
}

function fields() {
  const names = Object.keys(known.keys).flatMap((name) => name === "duration_ms" ? ARCHITECTURES.map((one) => `${name}.${one}`) : [name]);
  const isFirst = (name) => FIRST.includes(name.split(".")[0]);
  const order = (name) => FIRST.indexOf(name.split(".")[0]);
  by("fields").replaceChildren(...names.filter(isFirst).sort((a, b) => order(a) - order(b)).map(field));
  by("more").replaceChildren(...names.filter((name) => !isFirst(name)).map(field));
  refresh(null);
}

function field(name) {
  const key = known.keys[name.split(".")[0]], id = `field-${name}`;
  const choices = name === "region" ? known.regions : Array.isArray(key.values) && isNaN(key.values[0]) ? key.values : null;
  const inputs = made("div", { className: "inputs" });
  if (choices || key.values === "bool") {
    const options = choices ?? ["false", "true"];
    const unsaid = made("option", { value: "", textContent: `not set: ${key.default || key.unsaid}` });
    const options_ = options.map((one) => made("option", { value: one, textContent: one }));
    inputs.append(made("select", { id, name, onchange: (event) => change(name, event.target.value) }, unsaid, ...options_));
  } else {
    const box = made("input", { id, name, type: "text", autocomplete: "off", onchange: (event) => change(name, event.target.value.trim()) });
    const slide = slider(name);
    box.className = slide ? "" : "alone";
    inputs.append(...(slide ? [slide] : []), box);
  }
  for (const input of inputs.children) input.setAttribute("aria-describedby", `${id}-what`);
  return made("div", { className: "field" }, made("label", { htmlFor: id, textContent: name }),
    made("small", { id: `${id}-what`, textContent: key.what }), inputs);
}

function slider(name) {
  const base = name.split(".")[0], [low, high] = SLIDERS[base] ?? EVEN[base] ?? [];
  if (high === undefined) return null;
  const even = base in EVEN, whole = ["requests", "memory_mb"].includes(base);
  const place = (value) => even ? value : Math.log(Math.min(high, Math.max(low, value))) / Math.log(high / low) - Math.log(low) / Math.log(high / low);
  const value = (at) => even ? at : low * (high / low) ** at;
  const rounded = (number) => whole && number > 100 ? Math.round(number) : Number(number.toPrecision(3));
  const bar = made("input", { type: "range", min: even ? low : 0, max: 1, step: even ? 0.01 : 0.002 });
  bar.setAttribute("aria-label", `${name}, as a slider`);
  bar.oninput = () => {
    const text = String(rounded(value(Number(bar.value))));
    by(`field-${name}`).value = text;
    bar.setAttribute("aria-valuetext", text);
    change(name, text, false);
  };
  bar.onchange = () => change(name, by(`field-${name}`).value);
  bar.follow = (number) => {
    bar.value = place(number);
    bar.setAttribute("aria-valuetext", String(number));
  };
  return bar;
}

function refresh(found) {
  for (const input of by("form").querySelectorAll("[name]")) {
    const [base, part] = input.name.split("."), key = known.keys[base];
    const value = part ? found?.inputs[base][part] : found?.inputs[base] ?? key.unsaid;
    const text = asked.get(input.name) ?? "";
    if (input !== document.activeElement || input.tagName === "SELECT") input.value = text;
    if (input.tagName === "INPUT") input.placeholder = key.default || String(value ?? "");
    const bar = input.parentElement.querySelector("[type=range]");
    if (bar && bar !== document.activeElement) bar.follow(Number(text || value || 0));
  }
}

function kindOf(item) {
  const name = item.prices[0] ?? "";
  if (/logs/.test(name)) return "logs";
  if (/transfer|_out_gb|nat_|endpoint|ipv4/.test(name)) return "network";
  if (/_api_|load_balancer|cloudfront|function_url|cloud_map/.test(name)) return "way";
  if (/gb_second|fargate|managed|disk|snapstart/.test(name)) return "compute";
  return /million|thousand/.test(name) ? "requests" : "rest";
}

function bars(found) {
  const most = Math.max(...found.candidates.filter((one) => one.possible).map((one) => one.usd_a_month), 0.01);
  const opened = new Set([...by("bars").querySelectorAll("details[open]")].map((one) => one.id)), focused = document.activeElement?.id;
  by("bars").replaceChildren(...found.candidates.map((one, at) => {
    const name = `${one.candidate}, ${one.architecture}`;
    if (!one.possible) return made("p", { className: "bar out", textContent: `${name}: ${found.rows[at][2]}` });
    const stack = made("div", { className: "stack" }, ...one.items.filter((item) => item.usd > 0).map((item) => {
      const part = made("div", { className: kindOf(item), title: item.what });
      part.style.width = `${100 * item.usd / most}%`;
      return part;
    }));
    stack.setAttribute("aria-hidden", "true");
    const rows = found.bills[at].map((item) => made("tr", {}, made("td", { textContent: item.what }), made("td", { textContent: item.text })));
    const head = made("div", { className: "head" }, made("span", { textContent: name }), made("strong", { textContent: `$${found.rows[at][1]}` }));
    const id = `bill-${one.candidate}`, summary = made("summary", { id: `of-${id}`, textContent: "the bill" });
    const bill = made("details", { id, open: opened.has(id) }, summary, made("table", {}, ...rows));
    return made("div", { className: "bar" }, head, stack, bill);
  }));
  if (focused?.startsWith("of-bill-")) by(focused)?.focus();
}

function curve(found) {
  const [wide, high, left, below] = [720, 340, 72, 40], curves = found.curves;
  if (!curves.length) return by("curve").replaceChildren(made("p", { textContent: "Nothing is possible, so there is nothing to draw." }));
  const all = (key) => curves.flatMap((one) => one[key]).filter((value) => value > 0);
  const scale = (values, from, to) => {
    const [low, most] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values)) + 1e-9];
    const at = (value) => from + (Math.log10(Math.max(value, 10 ** low)) - low) / (most - low) * (to - from);
    const ticks = [];
    for (let power = Math.ceil(low); power <= most; power += 1) ticks.push(10 ** power);
    return [at, ticks];
  };
  const [x, xs] = scale(all("requests"), left, wide - 10), [y, ys] = scale([...all("usd"), 0.1], high - below, 10);
  const picture = drawing("svg", { viewBox: `0 0 ${wide} ${high + 10 + 24 * curves.length}`, role: "img" });
  picture.setAttribute("aria-label", "USD a month against requests a month, both logarithmic");
  for (const tick of xs) picture.append(drawing("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 10, y2: high - below }),
    drawing("text", { x: x(tick), y: high - below + 16, "text-anchor": "middle" }, NUMBER.format(tick)));
  for (const tick of ys) picture.append(drawing("line", { class: "grid", x1: left, x2: wide - 10, y1: y(tick), y2: y(tick) }),
    drawing("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, `$${NUMBER.format(tick)}`));
  const here = found.inputs.requests;
  if (here) picture.append(drawing("line", { class: "here", x1: x(here), x2: x(here), y1: 10, y2: high - below }));
  curves.forEach((one, at) => {
    const points = one.requests.map((value, step) => `${x(value).toFixed(1)},${y(one.usd[step]).toFixed(1)}`).join(" ");
    const row = high + 10 + 24 * at, stroke = found.colours[one.candidate];
    picture.append(drawing("polyline", { points, stroke }),
      drawing("line", { x1: left, x2: left + 24, y1: row, y2: row, stroke, "stroke-width": 3 }),
      drawing("text", { x: left + 32, y: row + 4 }, one.candidate));
  });
  const crossing = found.break_even, line = crossing && curves.find((one) => one.candidate === crossing.below);
  if (line) {
    const at = line.requests.findIndex((value) => value >= crossing.requests);
    const [low, high_] = [line.requests[at - 1], line.requests[at]];
    const share = (Math.log(crossing.requests) - Math.log(low)) / (Math.log(high_) - Math.log(low));
    const usd = at > 0 ? line.usd[at - 1] * (line.usd[at] / line.usd[at - 1]) ** share : 0;
    if (at > 0) picture.append(drawing("circle", { cx: x(crossing.requests), cy: y(usd), r: 7 },
      drawing("title", {}, `break-even: ${NUMBER.format(crossing.requests)} requests a month`)));
  }
  picture.append(drawing("text", { x: wide - 10, y: high - 8, "text-anchor": "end" }, "requests a month"));
  by("curve").replaceChildren(picture);
}

by("form").onsubmit = (event) => event.preventDefault();
window.onpopstate = () => { asked = new URLSearchParams(location.search); ask(); };
fetch("/fields").then((answer) => answer.json()).then((found) => { known = found; fields(); ask(); });
