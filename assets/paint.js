// How does a model become what is on screen, without touching what a person holds in his hands?
// The head loads it before every other script, and Dash once more with the rest.
((cityops) => {
  if (cityops.h) return;
  const SVG = "http://www.w3.org/2000/svg";
  const rows = (cityops.rows ??= {});
  const model = (cityops.model ??= {});
  cityops.ctx ??= { model };
  const dirty = new Set();
  const ticking = new Set();
  let busy = false;

  // ---- elements

  function h(name, attributes, ...children) {
    return filled(document.createElement(name.split(".")[0] || "div"), name, attributes, children);
  }

  function svg(name, attributes, ...children) {
    return filled(document.createElementNS(SVG, name.split(".")[0]), name, attributes, children);
  }

  function filled(element, name, attributes, children) {
    const classes = [...name.split(".").slice(1), attributes?.class].filter(Boolean).join(" ");
    if (classes) element.setAttribute("class", classes);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (key === "class" || value === null || value === undefined || value === false) continue;
      if (key === "style") for (const [name, of] of Object.entries(value)) element.style.setProperty(name, of);
      else if (key.startsWith("on")) element[key] = value;
      else element.setAttribute(key, value === true ? "" : value);
    }
    const solid = children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false);
    element.append(...solid.map((one) => (one instanceof Node ? one : String(one))));
    return element;
  }

  const HANDLERS = ["onclick", "onkeydown", "oninput", "onchange"];

  // Makes the old element say what the fresh one says; what is equal is left alone.
  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return fresh;
    }
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return old;
    }
    if (old.isEqualNode(fresh) && !fresh.querySelector("[data-tick]") && !fresh.tick) return hold(old, fresh);
    morphAttributes(old, fresh);
    if (!old.hasAttribute("data-keep")) morphChildren(old, [...fresh.childNodes]);
    return hold(old, fresh);
  }

  function morphAttributes(old, fresh) {
    for (const { name, value } of [...fresh.attributes]) {
      if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (name !== "style" && name !== "data-id" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
  }

  function morphChildren(old, children) {
    children.forEach((child, at) => {
      if (at < old.childNodes.length) morph(old.childNodes[at], child);
      else old.append(child);
    });
    while (old.childNodes.length > children.length) old.lastChild.remove();
  }

  function hold(old, fresh) {
    for (const name of HANDLERS) if (fresh[name] || old[name]) old[name] = fresh[name];
    if (fresh.tick) {
      ticking.delete(fresh);
      old.tick = fresh.tick;
      ticking.add(old);
    }
    return old;
  }

  // ---- leaves

  function fill(element, said) {
    if (said instanceof Node || Array.isArray(said)) {
      morphChildren(element, [said].flat().map((one) => (one instanceof Node ? one : new Text(String(one)))));
    } else if (element.textContent !== said) element.textContent = said;
  }

  function say(element, name, value, data) {
    const nothing = value === null || value === undefined;
    element.classList.toggle("none", nothing && data.blank === undefined);
    if (nothing) return fill(element, data.blank ?? "—");
    const known = cityops.format[name];
    if (!known) console.error(`there is no format ${name}`);
    const said = known ? known(value, cityops.ctx, data) : String(value);
    if (said?.text !== undefined) {
      for (const [state, on] of Object.entries(said.classes)) element.classList.toggle(state, on);
      fill(element, said.text);
    } else fill(element, said);
  }

  function paintLeaf(element, value) {
    const name = element.dataset.format || "text";
    const one = element.dataset.field && value !== null && value !== undefined ? value[element.dataset.field] : value;
    say(element, name, one, element.dataset);
    if (!cityops.ticks.has(name)) return;
    element.tick = { name, value: one, data: element.dataset };
    ticking.add(element);
  }

  function tick(name, value, data = {}) {
    const element = h("span", { "data-tick": name });
    element.tick = { name, value, data };
    say(element, name, value, data);
    ticking.add(element);
    return element;
  }

  function tickAll() {
    for (const element of ticking) {
      if (element.isConnected) say(element, element.tick.name, element.tick.value, element.tick.data);
      else if (element.missed) ticking.delete(element);
      element.missed = !element.isConnected; // once: it may be on its way
    }
  }

  // ---- rows

  function paintRows(box, list, all) {
    const template = rows[box.dataset.row];
    if (!template) return console.error(`there is no row ${box.dataset.row}`);
    const held = document.activeElement;
    const scroll = box.scrollTop;
    const wanted = (list ?? []).slice(0, Number(box.dataset.top) || Infinity);
    const have = new Map([...box.children].map((child) => [child.dataset.id, child]));
    const keep = new Set(wanted.map((row) => row.id));
    for (const [id, child] of have) if (!keep.has(id)) child.remove();
    let before = null;
    for (const row of wanted) {
      const element = paintRow(have.get(row.id), row, template, all);
      const next = before ? before.nextElementSibling : box.firstElementChild;
      if (next !== element) box.insertBefore(element, next);
      before = element;
    }
    if (!wanted.length) box.append(emptiness(box, list));
    if (box.scrollTop !== scroll) box.scrollTop = scroll;
    if (held && held !== document.activeElement && box.contains(held)) held.focus({ preventScroll: true });
  }

  function paintRow(old, row, template, all) {
    if (old && old.row === row && !all) return old;
    const fresh = template(row, cityops.ctx);
    fresh.dataset.id = row.id;
    const element = old ? morph(old, fresh) : fresh;
    element.row = row;
    return element;
  }

  // An empty list says so; one that nobody knows is dotted.
  function emptiness(box, list) {
    const words = list ? box.dataset.empty && cityops.ctx.word(box.dataset.empty) : "—";
    const inner = h(list ? "span.empty" : "span.none", {}, words || "");
    const tag = { TBODY: "tr", UL: "li", OL: "li" }[box.tagName] ?? "div";
    return tag === "tr" ? h("tr", {}, h("td", { colspan: 99 }, inner)) : h(tag, {}, inner);
  }

  // ---- the model

  const keyed = (key, value) => /^(rows|layer)\./.test(key) && Array.isArray(value);

  function foldRows(old, { put, drop, order }) {
    const byId = new Map((old ?? []).map((row) => [row.id, row]));
    for (const id of drop ?? []) byId.delete(id);
    for (const row of put ?? []) byId.set(row.id, row);
    return (order ?? [...byId.keys()]).map((id) => byId.get(id)).filter(Boolean);
  }

  function fold({ set = {}, rows: changed = {} }) {
    for (const key in set) change(key, set[key]);
    for (const key in changed) change(key, foldRows(model[key], changed[key]));
    if (!busy) flush();
  }

  // A whole state: rows that say the same stay the same objects, and are not painted again.
  function adopt(state) {
    for (const key in state) {
      const value = state[key];
      if (key in model && JSON.stringify(model[key]) === JSON.stringify(value)) continue;
      change(key, keyed(key, value) && keyed(key, model[key]) ? sameRows(model[key], value) : value);
    }
    if (!busy) flush();
  }

  function sameRows(old, fresh) {
    const byId = new Map(old.map((row) => [row.id, row]));
    return fresh.map((row) => {
      const before = byId.get(row.id);
      return before && JSON.stringify(before) === JSON.stringify(row) ? before : row;
    });
  }

  function change(key, value) {
    model[key] = value;
    dirty.add(key);
  }

  function flush() {
    if (!dirty.size) return;
    busy = true;
    const keys = [...dirty];
    dirty.clear();
    for (const key of keys) paint(key, false);
    let done = false;
    const free = () => {
      if (done) return;
      done = true;
      busy = false;
      flush();
    };
    requestAnimationFrame(() => requestAnimationFrame(free));
    setTimeout(free, 1000); // an occluded window has no frames
  }

  function paint(key, all) {
    try {
      for (const element of document.querySelectorAll(`[data-key="${key}"]`)) paintElement(element, key, all);
      for (const element of document.querySelectorAll(`[data-also~="${key}"]`)) paintElement(element, element.dataset.key, true);
      if (key.startsWith("chart.")) cityops.chart.paint(key, model[key]);
      if (key.startsWith("layer.")) cityops.map.paint(key, model[key]);
      for (const listener of cityops.listeners[key] ?? []) listener(model[key], cityops.ctx);
    } catch (error) {
      console.error(`painting ${key}`, error);
    }
  }

  function paintElement(element, key, all) {
    if (element.dataset.row) paintRows(element, model[key], all);
    else paintLeaf(element, model[key]);
  }

  // After a change of skin, and for elements that came later (an opened drawer).
  function paintAll() {
    for (const key in model) paint(key, true);
  }

  function forget() {
    for (const key in model) delete model[key];
    dirty.clear();
  }

  cityops.listeners ??= {}; // key -> [(value, ctx) => …] for what is neither leaf nor row
  Object.assign(cityops, { h, svg, morph, tick, fold, adopt, paintAll, forget });
  setInterval(tickAll, 1000);
})((window.cityops ??= {}));
