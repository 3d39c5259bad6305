// What is known of the one case that the reader has opened?
((cityops) => {
  const { h, ctx } = cityops;
  const own = (cityops.incidents ??= {});
  let current = null; // the row
  let asked = null;   // the id whose rest was asked for
  let rest = null;    // what only the API says of it

  const panel = () => document.getElementById("case");

  own.opened = () => current;

  own.open = (row) => {
    current = row ?? null;
    if (!current) asked = rest = null;
    paint();
    if (current && needsRest() && asked !== key()) fetchRest(key());
  };

  // After every change of the list.
  own.follow = (rows) => {
    const row = current && rows.find(({ id }) => id === current.id);
    if (row && row !== current) own.open(row);
  };

  // What has left the list goes on without it; in English the list holds no text in Chinese.
  const needsRest = () => current.gone || current.description === null;
  const key = () => `${current.id} ${current.version} ${Boolean(current.gone)}`;

  async function fetchRest(wanted) {
    asked = wanted;
    const found = await fetch(ctx.href(`/api/v1/incidents/${current.id}`), { cache: "no-store", signal: AbortSignal.timeout(5000) }).then((answer) => (answer.ok ? answer.json() : null), () => null);
    if (asked !== wanted) return;
    rest = found;
    if (!found) asked = null;
    paint();
  }

  const CHANGING = ["state", "stage", "severity", "version", "overdue", "due", "description"];
  const newest = () => (rest?.id === current.id ? { ...current, ...Object.fromEntries(CHANGING.map((name) => [name, rest[name]])) } : current);

  // ---- its parts

  function places(row) {
    const all = [...ctx.place.ancestors, ctx.place, ...row.places];
    return all.map(({ code, name }, at) => [at ? " › " : null, h("a", { href: ctx.href(`/overview/${code}`) }, ctx.name(name))]);
  }

  function holder(row) {
    if (!row.holder) return null;
    const named = [row.holder_name?.place, row.holder_name?.department].filter(Boolean).map(ctx.name);
    return [...(named.length ? named : [row.holder.place, row.holder.department]), row.holder.seat].filter(Boolean).join(" · ");
  }

  const sign = (row) => row.sign && h("a", { href: ctx.href(`/sign/${row.sign}/${row.place}`) }, row.sign_name ? ctx.name(row.sign_name) : row.sign, h("span.code", {}, row.sign));
  const asset = (row) => row.asset && [row.asset_name ? ctx.name(row.asset_name) : null, h("span.code", {}, row.asset)];
  const point = (row) => row.lon !== null && `${row.lon.toFixed(5)}, ${row.lat.toFixed(5)}`;
  const moment = (time) => time && [ctx.format("datetime", time), " ", h("span.mute", {}, ctx.tick("ago", time))];

  const FACTS = [
    ["word.state", (row) => [...new Set([ctx.word(`stage.${row.stage}`), ctx.word(`state.${row.state}`)])].join(" · ")],
    ["incidents.head_left", (row) => h("span.is-left", {}, ctx.tick("incidents.left", row))],
    ["incidents.due", (row) => row.due && ctx.format("datetime", row.due)],
    ["word.holder", holder],
    ["incidents.place", places],
    ["incidents.point", point],
    ["incidents.placed", (row) => ctx.word(`incidents.placed_${row.placed}`)],
    ["incidents.at", (row) => moment(row.at)],
    ["incidents.known_at", (row) => moment(row.known_at)],
    ["incidents.sign", sign],
    ["incidents.asset", asset],
    ["word.source", (row) => [own.sourceOf(row), h("span.code", {}, row.source)]],
    ["incidents.source_id", (row) => row.source_id],
    ["incidents.head_number", (row) => row.number],
    ["incidents.version", (row) => row.version],
  ];

  function fact([word, of], row) {
    const value = of(row);
    return [h("dt", {}, ctx.word(word)), h("dd", {}, value || value === 0 ? value : h("span.none", {}, "—"))];
  }

  function paint() {
    const box = panel();
    if (!box) return;
    box.hidden = !current;
    document.querySelector(".cases").classList.toggle("with-case", Boolean(current));
    if (!current) return box.replaceChildren();
    const row = newest();
    cityops.morph(box, h(
      "aside.case", { id: "case", "aria-label": box.getAttribute("aria-label") },
      h("header", {}, ctx.mark("severity", row.severity), h("h2", {}, own.classOf(row) || row.class), h("span.code", {}, row.class),
        h("button.btn.s", { type: "button", "data-close": true }, ctx.word("incidents.close"))),
      row.gone ? h("p.mute", {}, ctx.word("incidents.gone")) : null,
      row.description ? h("p.words", { lang: "zh-CN" }, row.description) : null,
      h("dl", {}, FACTS.map((one) => fact(one, row))),
      h(
        "p.ways", {},
        h("a.act", { href: ctx.href(`/overview/${row.place}`) }, ctx.word("incidents.open_overview", { place: placeName(row) })),
        h("a.act", { href: ctx.href(`/incidents/${ctx.place.code}`, { source: row.source, source_id: row.source_id }) }, ctx.word("incidents.link")),
        row.simulated ? h("span.sim", {}, ctx.word("word.simulated")) : null,
      ),
    ));
  }

  const placeName = (row) => ctx.name(row.places.at(-1)?.name ?? ctx.place.name);
})((window.cityops ??= {}));
