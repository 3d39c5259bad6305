// What may be asked of the list: menus, search in it, order, keys; and what is said around it.
((cityops) => {
  const { h, ctx, model } = cityops;
  const own = (cityops.incidents ??= {});
  const PHONE = matchMedia("(max-width: 48rem)");
  const DROPPED = ["description", "number", "source", "below", "age"]; // in this order, where the room is short
  const box = (name) => document.querySelector(`.cases ${name}`);
  let api = null;
  let input = null;
  let last = null; // what was last told, to tell it again

  own.isPhone = () => PHONE.matches;
  own.words = () => input?.value.trim() ?? "";

  // ---- addresses: what is in force, with one thing changed

  function link(changes) {
    const asked = new URLSearchParams(location.search);
    for (const name of ["lang", "skin", "find"]) asked.delete(name);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) asked.delete(name);
      else asked.set(name, value);
    }
    return ctx.href(location.pathname, Object.fromEntries(asked));
  }

  // ---- menus of links

  const listed = (text) => (text ? text.split(",") : []);

  function toggled(asked, name, code) {
    const now = listed(asked[name]);
    const then = now.includes(code) ? now.filter((one) => one !== code) : [...now, code];
    return link({ [name]: then.join(",") || null });
  }

  const item = (words, href, on) => h("li", {}, h("a", { href, "aria-current": on ? "true" : null }, words));

  function severities(asked) {
    const now = listed(asked.severity);
    const items = ["1", "2", "3", "4", "none"].map((code) => item(ctx.mark("severity", code === "none" ? null : Number(code)), toggled(asked, "severity", code), now.includes(code)));
    return [now.map((code) => ctx.word(`severity1.${code}`)).join(ctx.lang === "en" ? ", " : "、"), [item(ctx.word("incidents.menu_all"), link({ severity: null }), !now.length), ...items]];
  }

  function states(asked) {
    const known = Object.entries(JSON.parse(box("").dataset.states));
    const name = (states) => known.find(([, all]) => sameSet(all, states))?.[0];
    const now = asked.state === "open" ? "incidents.menu_open" : asked.state && name(asked.state);
    const value = now ? ctx.word(now) : asked.state ? own.someStates(asked.state) : "";
    return [value, [
      item(ctx.word("incidents.menu_open"), link({ state: null, closed_from: null }), asked.state === "open"),
      item(ctx.word("incidents.menu_all"), link({ state: "all", closed_from: null }), !asked.state),
      ...known.map(([word, all]) => item(ctx.word(word), link({ state: all }), asked.state && sameSet(all, asked.state))),
    ]];
  }

  own.someStates = (text) => {
    const all = listed(text);
    return all.length === 1 ? ctx.word(`state.${all[0]}`) : ctx.word("incidents.several", { n: all.length });
  };

  const sameSet = (one, other) => listed(one).sort().join() === listed(other).sort().join();

  function classes(asked) {
    const all = model["text.choices"].class;
    const now = all.find(({ code }) => code === asked.class);
    const items = all.map(({ code, name }) => item([h("span.code", {}, code), ctx.name(name)], link({ class: code }), code === asked.class));
    return [now ? ctx.name(now.name) : asked.class ?? "", [item(ctx.word("incidents.menu_all"), link({ class: null }), !asked.class), ...items]];
  }

  function sources(asked) {
    const items = model["text.choices"].source.map((source) => item(own.sourceOf({ source }), link({ source, source_id: null }), source === asked.source));
    return [asked.source ? own.sourceOf({ source: asked.source }) : "", [item(ctx.word("incidents.menu_all"), link({ source: null, source_id: null }), !asked.source), ...items]];
  }

  // A day of the city as a moment: the offset is the one that holds there at that time.
  function midnight(day) {
    const named = new Intl.DateTimeFormat("en-US", { timeZone: ctx.timezone, timeZoneName: "longOffset" }).formatToParts(new Date(`${day}T12:00:00Z`));
    const offset = named.find(({ type }) => type === "timeZoneName").value.slice(3) || "+00:00";
    return `${day}T00:00:00${offset}`;
  }

  const dayOf = (time) => (time ? ctx.format("datetime", time).slice(0, 10) : "");

  function times(asked) {
    const week = new Date(Date.parse(model["text.midnight"]) - 6 * 86400000).toISOString();
    const date = (name) => h("label", {}, ctx.word(`incidents.${name}`), h("input", { type: "date", name, value: dayOf(asked[name]) }));
    const form = h("li.dates", {}, date("from"), date("to"), h("button.btn.s", { type: "button", "data-apply": true }, ctx.word("incidents.apply")));
    const wide = (query) => link({ from: null, to: null, closed_from: null, ...(asked.state === "open" && query.from ? { state: "all" } : {}), ...query });
    return [timeWords(asked), [
      item(ctx.word("incidents.menu_all"), wide({}), !asked.from && !asked.to && !asked.closed_from),
      item(ctx.word("incidents.today"), wide({ from: model["text.midnight"] }), asked.from === model["text.midnight"]),
      item(ctx.word("incidents.days_7"), wide({ from: week }), asked.from === week),
      form,
    ]];
  }

  function timeWords(asked) {
    const at = (name) => ctx.format("clock", asked[name]);
    if (asked.closed_from) return ctx.word("incidents.closed_since", { t: at("closed_from") });
    if (asked.from && asked.to) return ctx.word("incidents.span", { from: at("from"), to: at("to") });
    return asked.from ? ctx.word("incidents.since", { t: at("from") }) : asked.to ? ctx.word("incidents.until", { t: at("to") }) : "";
  }

  function applyDates(menu) {
    const day = (name) => menu.querySelector(`input[name=${name}]`).value;
    const [from, to] = [day("from"), day("to")];
    location.assign(link({ from: from ? midnight(from) : null, to: to ? midnight(to) : null, closed_from: null, ...(new URLSearchParams(location.search).has("state") ? {} : { state: "all" }) }));
  }

  const MENUS = { severity: severities, state: states, class: classes, source: sources, time: times };

  // Painted again only when there is something else to choose, and an open one stays open.
  function menus() {
    if (ctx.page !== "incidents" || !model["text.choices"] || !box(".menus")) return;
    const asked = model["text.asked"];
    const stays = new Set([...document.querySelectorAll(".menu[open]")].map((one) => one.dataset.menu));
    const made = Object.entries(MENUS).map(([name, of]) => {
      const [value, items] = of(asked);
      return h("details.menu", { "data-menu": name, open: stays.has(name) }, h("summary.field", {}, h("span.mute", {}, ctx.word(`incidents.menu_${name}`)), " ", h("b.cut", {}, value || ctx.word("incidents.menu_all"))), h("ul", {}, items));
    });
    const one = asked.source_id ? h("span.chip", {}, ctx.word("incidents.only", { id: asked.source_id })) : null;
    const clear = isNarrowed(asked) ? h("a.act", { href: ctx.href(location.pathname) }, ctx.word("incidents.clear")) : null;
    cityops.morph(box(".menus"), h("div.menus", {}, made, one, clear));
  }

  const isNarrowed = (asked) => Object.keys(asked).some((name) => name !== "state") || asked.state !== "open";

  document.addEventListener("click", (event) => {
    if (ctx.page !== "incidents") return;
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (event.target.closest?.("[data-apply]")) applyDates(event.target.closest(".menu"));
    if (event.target.closest?.("[data-close]")) close();
    const move = event.target.closest?.("[data-move]")?.dataset.move;
    if (move === "f") input?.focus();
    else if (move) step(move === "j" ? 1 : -1);
  });

  document.addEventListener("keydown", (event) => {
    if (ctx.page !== "incidents" || event.key !== "Escape") return;
    const menu = event.target.closest?.(".menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (event.target === input && own.words()) find("");
    else close();
  });

  // ---- keys in the grid

  function step(by) {
    if (!api?.getDisplayedRowCount()) return;
    const at = api.getFocusedCell()?.rowIndex ?? (by > 0 ? -1 : 0);
    const to = Math.min(api.getDisplayedRowCount() - 1, Math.max(0, at + by));
    api.ensureIndexVisible(to);
    api.setFocusedCell(to, api.getAllDisplayedColumns()[0]);
    if (own.opened()) api.getDisplayedRowAtIndex(to).setSelected(true);
  }

  function close() {
    own.left = true;
    api?.deselectAll();
    api?.clearFocusedCell();
    if (document.activeElement?.closest(".cases .list, .case")) document.activeElement.blur();
  }

  // ---- search in what is loaded

  function find(words) {
    input.value = words;
    api.setGridOption("quickFilterText", words.trim());
    const asked = new URLSearchParams(location.search);
    if (words.trim()) asked.set("find", words.trim());
    else asked.delete("find");
    history.replaceState(history.state, "", `${location.pathname}${asked.size ? `?${asked}` : ""}`);
  }

  function makeFind() {
    input = h("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: ctx.word("incidents.find_hint"), oninput: () => find(input.value) });
    box(".find-box").replaceChildren(input);
    const words = new URLSearchParams(location.search).get("find");
    if (words) find(words);
  }

  // ---- columns: as many as there is room for, on a phone one of two lines

  function fit() {
    if (!api) return;
    const phone = own.isPhone();
    const all = api.getColumns().map((column) => ({ id: column.getColId(), width: column.getMinWidth() > 60 ? column.getMinWidth() : column.getActualWidth() }));
    const hidden = new Set(phone ? all.map(({ id }) => id).filter((id) => id !== "card") : ["card"]);
    if (ctx.place.tier === 5) hidden.add("below");
    if (ctx.lang === "en") hidden.add("description");
    const needed = () => all.filter(({ id }) => !hidden.has(id)).reduce((sum, { width }) => sum + width, 0);
    for (const id of DROPPED) if (!phone && needed() > box(".list").clientWidth - 16) hidden.add(id);
    api.setColumnsVisible([...hidden], false);
    api.setColumnsVisible(all.map(({ id }) => id).filter((id) => !hidden.has(id)), true);
    if (phone === fit.phone) return;
    fit.phone = phone;
    api.setGridOption("headerHeight", phone ? 0 : 26);
    api.setGridOption("rowHeight", phone ? 60 : 36);
    api.setGridOption("domLayout", phone ? "autoHeight" : "normal");
  }

  own.attached = (grid, acts) => {
    api = grid;
    makeFind();
    fit();
    new ResizeObserver(fit).observe(box(".list"));
    document.querySelector(".cases [role=grid], .cases [role=treegrid]")?.setAttribute("aria-label", ctx.word("page.incidents"));
    api.setGridOption("tabToNextCell", () => false);
    api.addEventListener("selectionChanged", ({ source }) => {
      own.left ||= source === "rowClicked" || source === "spaceKey";
      own.open(api.getSelectedRows()[0]);
      requestAnimationFrame(fit);
    });
    api.addEventListener("filterChanged", acts.tell);
    box(".list").addEventListener("keydown", (event) => {
      const focused = event.key === "Enter" && api.getFocusedCell();
      if (focused) api.getDisplayedRowAtIndex(focused.rowIndex)?.setSelected(true);
    });
    box(".news button").onclick = acts.settle;
    box(".foot .more").onclick = acts.load;
    own.sortBy = acts.sortBy;
    own.reread = acts.reread;
  };

  // ---- what is said

  const atLeast = (total) => (total.more ? ctx.word("incidents.at_least", { n: ctx.format("count", total.n) }) : ctx.format("count", total.n));

  own.say = (told) => {
    last = told;
    news(told);
    loaded(told);
    orders(told);
    nothing(told);
    const path = ctx.href("/api/v1/incidents", { place: ctx.place.code, ...told.asked, format: "csv" });
    const link = box(".export");
    link.hidden = !told.total.n;
    if (link.getAttribute("href") !== path) link.href = path;
    write(link, ctx.word("incidents.export_n", { n: atLeast(told.total) }));
  };

  function write(element, words) {
    if (element.textContent !== words) element.textContent = words;
  }

  function news({ waiting }) {
    box(".news").hidden = !waiting;
    const words = waiting ? ctx.word("incidents.news", { n: ctx.format("count", waiting) }) : "";
    write(box(".news [role=status]"), words);
    write(box(".news button"), waiting ? `${words} · ${ctx.word("incidents.news_act")}` : "");
  }

  function loaded({ shown, total, more, loading, failed, moreAt, streamed }) {
    const n = ctx.format("count", shown.filter((row) => !row.gone).length);
    const words = !total.n ? [] : [ctx.word(more ? "incidents.loaded" : "incidents.loaded_all", { n, total: atLeast(total) })];
    if (moreAt) words.push(ctx.word("incidents.beyond", { n: streamed, t: ctx.format("second", moreAt) }));
    if (failed) words.push(ctx.word("incidents.more_failed"));
    const again = moreAt ? h("button.act", { type: "button", onclick: () => own.reread() }, ctx.word("incidents.reread")) : null;
    cityops.morph(box(".loaded"), h("span.loaded", { role: "status" }, h("span", {}, words.join(" · ")), again));
    const button = box(".foot .more");
    button.hidden = !more;
    button.setAttribute("aria-disabled", String(loading));
  }

  function orders({ order, mayBeSorted, total }) {
    const one = (name) => h("button", { type: "button", "aria-pressed": String(order === name), onclick: () => own.sortBy(name) }, ctx.word(`incidents.order_${name}`));
    const choice = mayBeSorted && total.n > 1 ? h("span.seg", { role: "group", "aria-label": ctx.word("incidents.order") }, one("urgent"), one("newest")) : h("span.mute", {}, ctx.word(`incidents.order_${order}`));
    cityops.morph(box(".orders"), h("span.orders", {}, total.n ? choice : null));
  }

  function nothing({ shown, total, asked, matching }) {
    const empty = box(".nothing");
    const none = !shown.length;
    box(".list").hidden = none;
    empty.hidden = !none && matching > 0;
    if (empty.hidden) return;
    cityops.morph(empty, h("div.nothing", {}, none ? why(asked) : [h("h2", {}, ctx.word("incidents.none_found", { n: ctx.format("count", shown.length), words: own.words() }))]));
  }

  function why(asked) {
    const counts = Object.fromEntries(model["rows.tabs"].map(({ id, n }) => [id, ctx.format("count", n)]));
    const all = h("a.btn", { href: ctx.href(location.pathname, { state: "all" }) }, ctx.word("incidents.see_all"));
    if (!isNarrowed(asked)) return [h("h2", {}, ctx.word("incidents.none_open")), h("p.mute", {}, ctx.word("incidents.none_open_why", counts)), all];
    if (!Object.keys(asked).length) return [h("h2", {}, ctx.word("incidents.none_ever")), h("p.mute", {}, ctx.word("incidents.none_ever_why", { place: ctx.name(ctx.place.name) }))];
    return [h("h2", {}, ctx.word("incidents.none_match")), h("p.mute", {}, ctx.word("incidents.none_match_why")), h("a.btn", { href: ctx.href(location.pathname) }, ctx.word("incidents.clear"))];
  }

  PHONE.addEventListener("change", () => {
    fit();
    if (last) own.say(last);
  });
  for (const key of ["text.choices", "text.asked", "text.midnight"]) (cityops.listeners[key] ??= []).push(menus);
})((window.cityops ??= {}));
