// Which cases does the list show, in which order, and what waits until its reader moves?
((cityops) => {
  const { ctx, model } = cityops;
  const own = (cityops.incidents ??= {});
  const GRID = "cases";
  const SORTED_WHOLE = 500; // what one more request can bring

  let api = null;
  let more = [];        // what was asked for beyond the streamed first page
  let moreNext = null;  // where the next page of those begins
  let moreAt = null;    // when the first of them was asked for
  let before = [];      // the first page as it was
  let shown = [];
  let said = new Map(); // id -> the row as it stood when the list was last in order
  let waiting = 0;
  let chosen = null;    // the order that the reader chose
  let loading = false;
  let failed = false;

  const here = () => ctx.page === "incidents";
  const box = (name) => document.querySelector(`.cases ${name}`);
  const first = () => model["rows.incidents"] ?? [];
  const asked = () => model["text.asked"] ?? {};
  const token = () => (more.length ? moreNext : model["text.next"]);

  // ---- order

  const isOlder = (one, other) => newest(one, other) > 0;
  const newest = (one, other) => Date.parse(other.at) - Date.parse(one.at) || (one.at === other.at ? 0 : one.at < other.at ? 1 : -1) || (one.id < other.id ? 1 : -1);
  const LAST = 8.64e15; // the end of time
  const dueOf = (row) => (row.due === null || row.state === "suspended" ? LAST : Date.parse(row.due));
  const urgent = (one, other) => own.isOpen(other) - own.isOpen(one) || dueOf(one) - dueOf(other) || newest(one, other);

  const total = () => model["text.total"]?.n ?? 0;
  const mayBeSorted = () => asked().state !== undefined && asked().state.split(",").every((state) => state === "open" || own.isOpen({ state })) && total() <= SORTED_WHOLE;
  const order = () => chosen ?? (mayBeSorted() && model["text.next"] === null ? "urgent" : "newest");
  const ordered = (rows) => [...rows].sort(order() === "urgent" ? urgent : newest);

  // The first page and what lies beyond it. What newer cases push off the first page is still in the list.
  function merged() {
    const rows = first();
    const ids = new Set(rows.map(({ id }) => id));
    const last = rows.at(-1);
    if (more.length && last) more.unshift(...before.filter((row) => !ids.has(row.id) && isOlder(row, last)));
    const seen = new Set(ids);
    more = more.filter(({ id }) => !seen.has(id) && seen.add(id));
    before = rows;
    return [...rows, ...more];
  }

  // ---- a row that changes under the reader keeps its place until he moves

  function held() {
    if (!api) return false;
    const scrolled = own.isPhone() ? scrollY > 200 : api.getVerticalPixelRange().top > 0;
    return scrolled || api.getSelectedNodes().length > 0 || box(".list").contains(document.activeElement);
  }

  function update() {
    if (!here() || !model["text.asked"]) return;
    const rows = merged();
    if (held()) hold(rows);
    else settle(rows);
  }

  function settle(rows = merged()) {
    shown = ordered(rows);
    said = new Map(rows.map((row) => [row.id, row]));
    waiting = 0;
    show();
  }

  function hold(rows) {
    const now = new Map(rows.map((row) => [row.id, row]));
    shown = shown.map((row) => {
      const fresh = now.get(row.id);
      if (!fresh) return row.gone ? row : { ...row, gone: true };
      return fresh === said.get(row.id) ? fresh : same(row, fresh) ? row : { ...fresh, changed: true };
    });
    const fresh = rows.filter(({ id }) => !said.has(id)).length;
    waiting = fresh + shown.filter((row) => row.gone || row.changed).length;
    show();
  }

  const same = (row, fresh) => row.changed && row.version === fresh.version && row.overdue === fresh.overdue;

  function show() {
    window.dash_clientside.set_props(GRID, { rowData: shown });
    own.follow(shown);
    tell();
    requestAnimationFrame(openAsked);
  }

  // The address of one case opens it, and again where new rows lose their selection, until its reader closes it.
  function openAsked() {
    if (own.left || !api || !asked().source_id || shown.length !== 1) return;
    const node = api.getRowNode(shown[0].id);
    if (node && !node.isSelected()) node.setSelected(true);
  }

  // ---- further pages

  async function ask(path, query) {
    const answer = await fetch(ctx.href(path, query), { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  async function load(limit) {
    if (loading || !token()) return;
    loading = true;
    failed = false;
    tell();
    try {
      const found = await ask("/api/v1/incidents", { place: ctx.place.code, ...asked(), after: token(), limit });
      const named = await names(found.items);
      if (!more.length) moreAt = ctx.now();
      more.push(...found.items.map((item) => lifted(item, named)));
      moreNext = found.next;
    } catch (error) {
      console.warn("a further page did not come", error);
      failed = true;
    }
    loading = false;
    append();
  }

  // What was asked for comes to the end; what the reader sees stays where it is.
  function append() {
    const rows = merged();
    const known = new Set(shown.map(({ id }) => id));
    if (order() === "urgent") return settle(rows);
    const added = more.filter(({ id }) => !known.has(id));
    for (const row of added) said.set(row.id, row);
    shown = [...shown, ...added.sort(newest)];
    show();
  }

  // The names of the places that these cases lie in: counted by place, they are named.
  async function names(items) {
    const { place } = ctx;
    const known = [...place.ancestors, place, ...place.children].map(({ code, name }) => [code, name]);
    if (!items.length) return new Map(known);
    const times = items.map(({ at }) => Date.parse(at));
    const within = { from: new Date(Math.min(...times)).toISOString(), to: new Date(Math.max(...times) + 1).toISOString() };
    const tiers = [3, 4, 5].filter((tier) => tier > place.tier + 1);
    const counted = await Promise.all(tiers.map((tier) => ask("/api/v1/incidents/counts", { place: place.code, by: "place", tier, ...asked(), ...within })));
    return new Map([...known, ...counted.flatMap(({ items }) => items.map(({ key, name }) => [key, name]))]);
  }

  function lifted(item, named) {
    const codes = item.path.split("/").slice(ctx.place.tier, -1);
    const holder = item.holder && { place: named.get(item.holder.place) ?? null, department: model["text.departments"][item.holder.department] ?? null };
    return {
      ...item, holder_name: holder, sign_name: null, asset_name: null,
      class_name: model["text.choices"].class.find(({ code }) => code === item.class)?.name ?? null,
      places: codes.map((code) => ({ code, name: named.get(code) ?? { zh: code, en: code } })),
      description: ctx.lang === "en" ? null : item.description,
    };
  }

  async function reread() {
    const count = more.length;
    more = [];
    while (more.length < count && token() && !failed) await load(Math.min(SORTED_WHOLE, count - more.length));
    settle();
  }

  async function sortBy(name) {
    chosen = name;
    if (name === "urgent") while (token() && !failed) await load(SORTED_WHOLE);
    if (failed) chosen = null;
    settle();
  }

  // ---- what is said around the grid

  function tell() {
    own.say({ shown, waiting, total: model["text.total"], more: Boolean(token()), loading, failed, moreAt: more.length ? moreAt : null, streamed: first().length, order: order(), mayBeSorted: mayBeSorted(), asked: asked(), matching: matching() });
  }

  const matching = () => (api && own.words() ? api.getDisplayedRowCount() : shown.length);

  // ---- the grid is there

  async function attach() {
    if (!here() || api || attach.begun) return;
    attach.begun = true;
    api = await window.dash_ag_grid.getApiAsync(GRID);
    for (const event of ["rowDataUpdated", "selectionChanged"]) api.addEventListener(event, () => requestAnimationFrame(openAsked));
    own.attached(api, { load: () => load(100), settle: () => settle(), sortBy, reread, tell });
    update();
    setInterval(() => waiting && !held() && settle(), 1000);
  }

  for (const key of ["rows.incidents", "text.total", "text.next"]) (cityops.listeners[key] ??= []).push(update);
  (cityops.listeners["text.asked"] ??= []).push(attach);
})((window.cityops ??= {}));
