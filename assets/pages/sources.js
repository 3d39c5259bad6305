// How does a feed look in its ledger?
((cityops) => {
  const { h } = cityops;

  const why = (row, ctx) =>
    row.reasons.length
      ? row.reasons.map(({ code, n }) => ctx.word("sources.reason_n", { reason: ctx.word(`reason.${code}`), n: ctx.format("count", n) })).join(ctx.lang === "en" ? ", " : "、")
      : "";

  const number = (value, ctx, name = "count", data = {}) => h("td.num", {}, value ? ctx.format(name, value, data) : h("span.mute", {}, ctx.format(name, value, data)));

  // What broke stands under the word in red, when it was and how long it took at its end.
  cityops.rows["sources.verified"] = (row, ctx) => {
    const broke = row.broken.map(({ invariant, n }) =>
      h("li", {}, ctx.word(n ? "verify.n" : "verify.unread", { what: ctx.word(`verify.${invariant}`), n: ctx.format("count", n) })));
    const word = ctx.word(row.ok ? "verify.ok" : "verify.broken");
    return h(
      "div", {},
      h("div.val", {}, h(row.ok ? "b" : "b.late", {}, row.ok ? null : h("i.mk.mk-red", { "aria-hidden": "true" }), word)),
      broke.length ? h("ul.late", {}, broke) : null,
      h("div.sub", {}, ctx.tick("ago", row.at), h("span", {}, ctx.word("verify.took", { t: ctx.format("span", row.seconds) }))),
    );
  };

  cityops.rows["sources.feed"] = (row, ctx) =>
    h(
      "tr", {},
      h("th", { scope: "row" }, row.feed, row.simulated ? h("span.sim", {}, ctx.word("word.simulated")) : null),
      h("td.num", {}, ctx.tick("ago", row.last_at)),
      h("td.spark-cell", {}, ctx.spark(row.hours)),
      number(row.rate, ctx),
      number(row.day.received, ctx), number(row.day.stored, ctx), number(row.day.same, ctx), number(row.day.rejected, ctx),
      h("td.num", {}, row.day.received ? ctx.format("percent", row.day.rejected / row.day.received, { digits: 1 }) : "—"),
      h("td.mute.cut", {}, why(row, ctx)),
    );
})(window.cityops);
