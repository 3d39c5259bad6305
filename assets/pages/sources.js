// How does a feed look in its ledger?
((cityops) => {
  const { h } = cityops;

  const why = (row, ctx) =>
    row.reasons.length
      ? row.reasons.map(({ code, n }) => ctx.word("sources.reason_n", { reason: ctx.word(`reason.${code}`), n: ctx.format("count", n) })).join(ctx.lang === "en" ? ", " : "、")
      : "";

  const number = (value, ctx, name = "count", data = {}) => h("td.num", {}, value ? ctx.format(name, value, data) : h("span.mute", {}, ctx.format(name, value, data)));

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
