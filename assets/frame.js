// Where am I, what lies above, below and beside it, and how do I get there without a mouse?
((cityops) => {
  const { h, ctx } = cityops;
  const root = document.documentElement;
  const MOST_FOUND = 12;

  // ---- the strip of children: with marks where the page knows their status

  cityops.rows["frame.kid"] = (row, ctx) =>
    h("li", {}, h("a", { href: here(row.code ?? row.id), class: row.status && row.status !== "normal" ? "hot" : "" },
      row.status && row.status !== "normal" && ctx.mark("status", row.status, { word: false }), ctx.name(row.name)));

  // The same page of another place; its own filters go along.
  function here(code) {
    const { base } = cityops.live.first;
    const asked = new URLSearchParams(location.search);
    asked.delete("lang");
    return ctx.href(`${base}${encodeURIComponent(code)}`, Object.fromEntries(asked));
  }

  function mount(first) {
    const strip = document.querySelector("[data-strip]");
    if (strip && !("rows.children" in (first.state ?? {}))) {
      strip.replaceChildren(...(first.place?.children ?? []).map((child) => cityops.rows["frame.kid"](child, ctx)));
    }
    for (const box of document.querySelectorAll("[data-search]")) if (!box.firstChild) box.append(...search());
    showSkin();
  }

  // ---- search by name, pinyin or code

  function search() {
    let found = [];
    let at = -1;
    let asked = 0;
    const list = h("ul", { id: "found", role: "listbox", "aria-label": ctx.word("word.places"), hidden: true });
    const input = h("input", {
      type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list",
      "aria-label": ctx.word("word.find"), placeholder: ctx.word("word.find"), autocomplete: "off", spellcheck: "false", "data-find": true,
    });
    const show = (rows) => {
      found = rows;
      at = rows.length ? 0 : -1;
      list.replaceChildren(...rows.map((row, n) => h("li", { role: "option", id: `found-${n}`, "aria-selected": String(n === at), onclick: () => go(row) },
        h("span", {}, ctx.name(row.name)), h("span.num.mute", {}, row.code), h("span.mute", {}, (row.ancestors ?? []).map((one) => ctx.name(one.name)).slice(1).join(" › ")))));
      if (!rows.length && input.value.trim()) list.append(h("li.mute", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, ctx.word("word.nothing_found")));
      const open = Boolean(input.value.trim());
      list.hidden = !open;
      input.setAttribute("aria-expanded", String(open));
      point();
    };
    const point = () => {
      [...list.children].forEach((child, n) => child.setAttribute("aria-selected", String(n === at)));
      if (at < 0) input.removeAttribute("aria-activedescendant");
      else input.setAttribute("aria-activedescendant", `found-${at}`);
      list.children[at]?.scrollIntoView({ block: "nearest" });
    };
    const go = (row) => location.assign(here(row.code));
    const look = async () => {
      const mine = ++asked;
      const wanted = input.value.trim();
      if (!wanted) return show([]);
      const answer = await fetch(`/api/v1/places?q=${encodeURIComponent(wanted)}&limit=${MOST_FOUND}`, { signal: AbortSignal.timeout(5000) }).then((a) => (a.ok ? a.json() : { items: [] }), () => ({ items: [] }));
      if (mine === asked) show((answer.items ?? []).slice(0, MOST_FOUND));
    };
    input.oninput = () => setTimeout(look, 60);
    input.onkeydown = (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (found.length) at = (at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
        point();
      } else if (event.key === "Enter" && found[at]) go(found[at]);
      else if (event.key === "Escape") {
        input.value = "";
        show([]);
        input.blur();
      }
    };
    input.onblur = () => setTimeout(() => {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
    }, 200);
    return [h("kbd.kbd", { "aria-hidden": "true" }, "/"), input, list];
  }

  // ---- skin

  function showSkin() {
    for (const button of document.querySelectorAll("[data-skin-switch]")) {
      const words = ctx.word(root.dataset.skin === "light" ? "word.dark" : "word.light");
      if (button.textContent !== words) button.textContent = words;
    }
  }

  function toggleSkin() {
    root.dataset.skin = root.dataset.skin === "light" ? "dark" : "light";
    try {
      localStorage.setItem("cityops.skin", root.dataset.skin);
    } catch { /* it holds for this page */ }
    showSkin();
    cityops.paintAll();
  }

  // ---- keys: `/` finds, G and a letter goes, [data-hotkey] clicks, arrows walk, `?` lists

  let going = -Infinity;

  function onKey(event) {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const walker = event.target.closest?.("[data-walk]");
    if (walker && event.key.startsWith("Arrow") && !typing) return walk(walker, event);
    if (typing) return;
    if (event.key === "/") return press(event, document.querySelector("[data-find]"), "focus");
    if (event.key === "?") return press(event, help(), "focus");
    if (event.key === "g") return (going = performance.now());
    const list = performance.now() - going < 1500 ? "data-go" : "data-hotkey";
    going = -Infinity;
    const target = document.querySelector(`[${list}="${CSS.escape(event.key.toLowerCase())}"]`);
    if (target) press(event, target, "click");
  }

  function press(event, element, act) {
    if (!element) return;
    event.preventDefault();
    element[act]();
  }

  // Arrow keys go to the next link; up and down in a grid to the one above or below.
  function walk(box, event) {
    const stops = [...box.querySelectorAll("a[href], button")].filter((one) => one.offsetParent !== null);
    const at = stops.indexOf(document.activeElement);
    if (at < 0) return;
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1;
    const next = box.dataset.walk === "grid" && !sideways ? nearest(stops, at, step) : stops[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  function nearest(stops, at, step) {
    const from = stops[at].getBoundingClientRect();
    const middle = from.left + from.width / 2;
    const beyond = stops.map((one) => [one, one.getBoundingClientRect()]).filter(([, to]) => (step > 0 ? to.top >= from.bottom - 2 : to.bottom <= from.top + 2));
    const far = ([, to]) => Math.abs(to.top - from.top) * 4 + Math.abs(to.left + to.width / 2 - middle);
    return beyond.sort((one, other) => far(one) - far(other))[0]?.[0];
  }

  function help() {
    document.querySelector(".keys-help")?.remove();
    const named = [...document.querySelectorAll("[data-hotkey], [data-go]")].map((one) => [one.dataset.hotkey?.toUpperCase() ?? `G ${one.dataset.go.toUpperCase()}`, one.getAttribute("aria-label") || one.textContent]);
    const close = h("button.btn", { onclick: () => box.remove() }, ctx.word("word.close"));
    const box = h("div.keys-help", { role: "dialog", "aria-label": ctx.word("word.keys"), onkeydown: (event) => event.key === "Escape" && box.remove() },
      h("h2", {}, ctx.word("word.keys")), h("dl", {}, [["/", ctx.word("word.find")], ...named].map(([key, words]) => [h("dt", {}, h("kbd.kbd", {}, key)), h("dd", {}, words)])), close);
    document.body.append(box);
    return close;
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => event.target.closest?.("[data-skin-switch]") && toggleSkin());

  cityops.frame = { mount, here };
})((window.cityops ??= {}));
