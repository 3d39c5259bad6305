// How does one case look in a row of the grid, and in the two lines of a phone?
((cityops) => {
  const { h, ctx } = cityops;
  const own = (cityops.incidents ??= {});
  const ENDED = ["closed", "forced_close", "not_accepted", "cancelled", "merged"];

  own.isOpen = ({ state }) => !ENDED.includes(state);
  own.sourceOf = (row) => ctx.word(`incident_source.${row.source}`, {}, row.source);
  own.classOf = (row) => (row.class_name ? ctx.name(row.class_name) : "");

  // Without the name of the place above, where it begins with that.
  own.shortNames = (row) =>
    row.places.map(({ name }, at) => {
      const words = ctx.name(name);
      const above = at ? ctx.name(row.places[at - 1].name) : ctx.name(ctx.place.name);
      return words.startsWith(above) ? words.slice(above.length).trim() || words : words;
    });

  const path = (names) => names.join(" › ");
  own.whereOf = (row) => path(own.shortNames(row).slice(row.places.length > 1 ? 1 : 0)) || ctx.word("incidents.own");
  own.holderOf = (row) => (row.holder ? ctx.name(row.holder_name?.department ?? row.holder_name?.place ?? row.holder.place) : "—");

  // ---- time left: ticks, stands still on hold, is over when the case is

  function ended(row) {
    if (!row.state.endsWith("close") && row.state !== "closed") return "—";
    return row.overdue ? ctx.word("incidents.done_late") : row.due ? ctx.word("incidents.done") : "—";
  }

  cityops.format["incidents.left"] = (row, ctx) => {
    if (!own.isOpen(row)) return [h("span.mute", {}, ended(row))];
    if (row.state === "suspended") return [h("span.bar.hatch", { "aria-hidden": "true" }), h("span.mute", {}, ctx.word("incidents.paused"))];
    if (row.due === null) return [h("span.mute", {}, ctx.word("incidents.no_due"))];
    const left = Date.parse(row.due) - ctx.now();
    const share = left / (Date.parse(row.due) - Date.parse(row.at));
    const kind = left < 0 ? "late" : share < 0.2 ? "soon" : "";
    return [ctx.bar(left < 0 ? 1 : share, kind), h("span", { class: kind || "mute" }, ctx.format("countdown", row.due))];
  };
  cityops.ticks.add("incidents.left");

  const left = (row) => ctx.tick("incidents.left", row);
  const age = (row) => (own.isOpen(row) ? ctx.tick("age", row.at) : ctx.format("clock", row.at));
  const severity = (row) => ctx.mark("severity", row.severity);

  const CELLS = {
    severity,
    class: (row) => [h("span.code", {}, row.class), own.classOf(row)],
    where: (row) => own.whereOf(row),
    below: (row) => own.shortNames(row)[0] ?? ctx.word("incidents.own"),
    state: (row) => (row.gone ? ctx.word("incidents.gone_short") : ctx.word(`state.${row.state}`)),
    left,
    holder: (row) => own.holderOf(row),
    source: (row) => own.sourceOf(row),
    age,
    number: (row) => row.number,
    description: (row) => row.description ?? "",
    card: (row) => [
      h("span.one", {}, severity(row), h("b.cut", {}, own.classOf(row) || row.class), left(row)),
      h("span.two", {}, h("span.cut", { title: path(own.shortNames(row)) }, [CELLS.state(row), path(own.shortNames(row))].filter(Boolean).join(" · ")), h("span", {}, own.holderOf(row))),
    ],
  };

  const TEXTS = {
    ...CELLS,
    severity: (row) => ctx.word(`severity.${row.severity ?? "none"}`),
    class: (row) => `${row.class} ${own.classOf(row)}`,
    below: (row) => row.places.map(({ name }) => ctx.name(name)).join(" "),
    source: (row) => `${own.sourceOf(row)} ${row.source_id}`,
    left: (row) => ctx.word(row.overdue ? "word.overdue" : "word.open"),
    age: (row) => ctx.format("datetime", row.at),
    card: () => "",
  };

  const titles = {
    where: (row) => path(row.places.map(({ name }) => ctx.name(name))),
    class: (row) => `${row.class} ${own.classOf(row)}`,
    state: (row) => ctx.word(`stage.${row.stage}`),
    left: (row) => (row.due ? ctx.format("datetime", row.due) : null),
    age: (row) => ctx.format("datetime", row.at),
    source: (row) => `${row.source} ${row.source_id}`,
    description: (row) => row.description,
    holder: (row) => own.holderOf(row),
  };

  // ---- what the grid calls

  (window.dashAgGridFunctions ??= {}).caseText = (row, name) => (row && ctx.page === "incidents" ? String(TEXTS[name](row)) : "");

  (window.dashAgGridComponentFunctions ??= {}).Case = ({ data, cell }) => {
    const { createElement, useLayoutEffect, useRef } = window.React;
    const held = useRef(null);
    useLayoutEffect(() => {
      if (data) cityops.morph(held.current, h(`span.cell.is-${cell}`, { title: titles[cell]?.(data) || null }, CELLS[cell](data)));
    });
    return createElement("span", { ref: held });
  };

  // ---- tabs

  cityops.rows["incidents.tab"] = (row, ctx) =>
    h(
      "li", {},
      h(
        "a", { href: ctx.href(`/incidents/${ctx.place.code}`, row.query), "aria-current": row.current ? "page" : null },
        ctx.word(`incidents.tab_${row.id}`), " ", h("span", { class: row.id === "overdue" && row.n ? "late" : "mute" }, ctx.format("count", row.n)),
      ),
    );
})((window.cityops ??= {}));
