// How does a sign look in its cell, and how do cells stand together?
((cityops) => {
  const { h } = cityops;
  const opened = new Map(); // domain -> whether a person opened or folded it (a phone's)

  const counted = (key) => (n, ctx) => ctx.word(`signs.${key}`, { n: ctx.format("count", n) });
  cityops.format["signs.expected"] = counted("expected");
  cityops.format["signs.live"] = counted("live");
  cityops.format["signs.share"] = (value, ctx) => ctx.word("signs.share", { n: ctx.format("number", value * 100) });

  cityops.rows["signs.state"] = (row, ctx) =>
    h(
      "a", { href: ctx.href(`/signs/${ctx.place.code}`, { state: row.id === "all" ? null : row.id }), "aria-current": row.on ? "page" : null },
      ctx.word(`signs.state_${row.id}`), " ", h("span.n", {}, ctx.format("count", row.n)),
    );

  cityops.rows["signs.level"] = (row, ctx) =>
    h("li", {}, ctx.mark("status", row.id), h("span", {}, ctx.format("count", row.n)));

  // ---- a cell

  const placeName = (code, ctx) => ctx.name([...ctx.place.ancestors].find((one) => one.code === code)?.name ?? code);

  // In a cell there is room for the largest part of an age alone.
  cityops.format["signs.age"] = (at, ctx) => ctx.format("age", at).split(" ")[0];
  cityops.ticks.add("signs.age");

  function figure(row, ctx) {
    if (row.value === null && row.state === "abnormal") return h("span.v", {}, h("b", {}, ctx.word(`status.${row.status}`)));
    if (row.value === null) return h("span.v", {}, { normal: ctx.word("status.normal"), unmeasured: ctx.word("signs.unmeasured"), none: `— ${ctx.word("signs.never")}` }[row.state] ?? "—");
    return h("span.v", {}, h("b", {}, ctx.format("number", row.value)), row.unit && h("span.unit", {}, ctx.format("unit", row.unit)));
  }

  // Why there is no curve, or whose curve it is.
  function whence(row, ctx) {
    if (row.state === "lent") return ctx.word("word.value_of", { place: placeName(row.from, ctx) });
    if (row.state === "unmeasured" || row.state === "none") return null;
    return row.value === null ? ctx.word("signs.worst_only") : null;
  }

  function cell(row, ctx) {
    const note = whence(row, ctx);
    const badge = row.status !== "normal" && row.state !== "unmeasured";
    const partial = row.live > 0 && row.live < row.expected;
    return h(
      `li.is-${row.state}`, { "data-id": row.id },
      h(
        "a", { href: ctx.href(`/sign/${row.code}/${ctx.place.code}`) },
        h("span.nm", {}, badge && ctx.mark("status", row.status, { word: false }), h("span.cut", { title: ctx.name(row.name) }, ctx.name(row.name))),
        figure(row, ctx),
        h("span.ag", {}, row.at !== null && ctx.tick("signs.age", row.at)),
        note ? h("span.note.cut", { title: note }, note) : h("span.sp", {}, ctx.spark(row.spark, { status: row.status, width: 72, height: 18 })),
        h("span.part", {}, row.state === "lent" ? ctx.spark(row.spark, { status: row.status, width: 48, height: 18 }) : partial && ctx.format("coverage", row)),
      ),
    );
  }

  // ---- a domain

  function fold(row, isOpen, ctx) {
    const turn = ({ currentTarget: button }) => {
      const next = button.getAttribute("aria-expanded") !== "true";
      opened.set(row.id, next);
      button.setAttribute("aria-expanded", String(next));
      button.closest("section").classList.toggle("folded", !next);
    };
    return h("button.fold", { type: "button", "aria-expanded": String(isOpen), "aria-label": ctx.word("signs.fold", { name: ctx.name(row.name) }), onclick: turn });
  }

  cityops.rows["signs.domain"] = (row, ctx) => {
    const isOpen = opened.get(row.id) ?? (row.abnormal > 0 || ctx.model["text.state"] !== "all");
    const words = ctx.word(row.abnormal ? "signs.count_abnormal" : "signs.count", row);
    return h(
      `section.domain${isOpen ? "" : ".folded"}`, { "aria-label": ctx.name(row.name) },
      h("header", {}, h("h2", {}, ctx.name(row.name)), h("small", {}, words), fold(row, isOpen, ctx)),
      h("ul", {}, ctx.model["rows.signs"].filter((sign) => sign.domain === row.id).map((sign) => cell(sign, ctx))),
    );
  };
})(window.cityops);
