// How do a place's signs, incidents and children look on its overview?
((cityops) => {
  const { h } = cityops;
  const ABNORMAL = ["alarm", "warning", "attention"];

  // ---- the verdict: a sentence by rule from counts

  const counted = (key, n, ctx) => ctx.word(`overview.${key}${n === 1 ? "_one" : ""}`, { n: ctx.format("count", n) });

  cityops.format["overview.verdict"] = ({ level, live, why }, ctx) => {
    const reasons = why.map(({ id, n }) => counted(`why_${id}`, n, ctx)).join(ctx.word("overview.and"));
    const key = level === "calm" && live === null ? "calm_unmeasured" : level;
    return ctx.word(`overview.verdict_${key}`, { live: ctx.format("count", live), why: reasons });
  };

  cityops.format["overview.where"] = (places, ctx) =>
    places.length ? ctx.word("overview.where", { places: places.map(ctx.name).join(ctx.word("overview.comma")) }) : "";

  cityops.format["overview.yesterday"] = (n, ctx) => ctx.word("overview.yesterday", { n: ctx.format("count", n) });

  // ---- what is in force

  const fact = (name, label, ...said) => h(`li.fact`, {}, h("small", {}, label), h(`span.${name}`, {}, ...said));

  cityops.rows["overview.warning"] = (row, ctx) =>
    fact(
      "warn", ctx.word("overview.warning_since", { kind: row.kind, t: ctx.format("clock", row.since) }),
      h(`i.${row.colour}`, { "aria-hidden": "true" }, ctx.word(`overview_colour1.${row.colour}`)),
      ctx.word("overview.warning_name", { kind: row.kind, colour: ctx.word(`overview_colour.${row.colour}`) }),
    );

  cityops.rows["overview.decision"] = (row, ctx) => {
    const t = ctx.format("clock", row.since);
    if (row.mode) return fact("mode", ctx.word("overview.mode_since", { t }), row.level);
    return fact("resp", ctx.word("overview.decision_since", { t }), h("i", {}, row.level), ctx.word("overview.decision_level", { track: row.track }));
  };

  // ---- tiles

  cityops.rows["overview.level"] = (row, ctx) =>
    h("li.st", {}, ctx.mark("status", row.id, { single: ctx.lang === "en" }), h("span", {}, ctx.format("count", row.n)));

  cityops.rows["overview.grade"] = (row, ctx) =>
    h("li.st", {}, ctx.mark("severity", row.severity), h("span", {}, ctx.format("count", row.n)));

  cityops.rows["overview.share"] = (row) => h(`i.is-${row.id}`, { style: { "flex-grow": row.n } });

  // What does not report: now, or has never done so here.
  cityops.rows["overview.unheard"] = (row, ctx) => {
    if (row.id === "live") return h("li.st", { hidden: ctx.model["rows.share"].length > 1 }, ctx.word("overview.no_gaps"));
    const words = ctx.word(row.id === "stale" ? "overview.missing" : "overview.silent");
    return h("li.st", {}, h(`i.mk.mk-${row.id}`, { "aria-hidden": "true" }), h("span", {}, `${words} ${ctx.format("count", row.n)}`));
  };

  cityops.format["overview.reporting"] = (value, ctx) =>
    ctx.word("overview.coverage_of", { live: ctx.format("count", value.live), expected: ctx.format("count", value.expected) });

  cityops.format["overview.late"] = (n, ctx) => ({ text: ctx.format("count", n), classes: { late: n > 0 } });

  cityops.format["overview.longest"] = (due, ctx) => ctx.word("overview.longest", { t: ctx.format("countdown", due) });
  cityops.ticks.add("overview.longest");

  // The lists of today begin at the city's midnight.
  (cityops.listeners["text.midnight"] ??= []).push((midnight, ctx) => {
    const lists = { reported: { state: "all", from: midnight }, closed: { closed_from: midnight } };
    for (const [name, query] of Object.entries(lists)) {
      document.querySelector(`.ov .kpi.${name}`)?.setAttribute("href", ctx.href(`/incidents/${ctx.place.code}`, query));
    }
  });

  // ---- signs

  // Healthy rows carry no badge.
  const badge = (status, ctx) => (status === "normal" || status === null ? h("span.mark") : ctx.mark("status", status));

  const signOf = (row, ctx) => ctx.model["rows.signs"].find((sign) => sign.id === row.id);

  function whence(row, sign, ctx) {
    if (sign.from) return ctx.word("overview.from_above", { place: ctx.name(ctx.place.ancestors.find(({ code }) => code === sign.from)?.name) });
    if (!row.worst) return sign.expected === 1 ? ctx.word("overview.measured_here") : "";
    return ctx.word("overview.worst_in", { place: ctx.name(row.worst.name), n: ctx.format("number", row.worst.value) });
  }

  function limitOf(row, ctx) {
    if (row.limit === null) return ctx.word("overview.no_limit");
    return ctx.word("overview.limit", { n: ctx.format("number", row.limit) });
  }

  function reading(sign, note, ctx) {
    const stale = sign.status === "stale";
    if (sign.value === null) return h("span.v", {}, h("b.none", {}, "—"), h("small", {}, note));
    return h(
      `span.v${stale ? ".stale" : ""}`, {},
      h("span", { class: stale ? "hatch" : null }, h("b", {}, ctx.format("number", sign.value)), " ", h("span.unit", {}, ctx.format("unit", sign.unit))),
      h("small", {}, note),
    );
  }

  function signRow(row, ctx) {
    const sign = signOf(row, ctx);
    const gap = sign.status === "stale" || sign.status === "none";
    const note = sign.status === "none" ? ctx.word("overview.never") : sign.status === "stale" ? ctx.word("overview.as_of", { t: ctx.format("clock", sign.at) }) : limitOf(row, ctx);
    return h(
      `li.sig${ABNORMAL.includes(sign.status) ? ".ab" : ""}`, {},
      h(
        "a", { href: ctx.href(`/sign/${sign.code}/${sign.from ?? ctx.place.code}`) },
        badge(sign.status, ctx),
        h("span.nm", { title: ctx.name(sign.name) }, h("span.cut", {}, ctx.name(sign.name)), h("small.cut", {}, whence(row, sign, ctx))),
        reading(sign, note, ctx),
        h("span.sp", {}, ctx.spark(row.spark, { low: row.limit, status: gap ? null : sign.status })),
        h("span.ag", {}, sign.at === null ? "—" : ctx.tick("age", sign.at), h("small", {}, sign.expected ? ctx.format("coverage", sign) : "")),
      ),
    );
  }

  cityops.rows["overview.sign"] = signRow;

  // ---- children and assets

  const numeral = (n, ctx, late) => h(`td.num${late && n ? ".t-red" : n ? "" : ".z"}`, {}, ctx.format("count", n));

  cityops.rows["overview.child"] = (row, ctx) =>
    h(
      "tr", {},
      h("td", { title: ctx.name(row.name) }, h("a", { href: ctx.href(`/overview/${row.code}`) }, ctx.name(row.short))),
      h("td", {}, badge(row.status, ctx)),
      row.expected ? numeral(row.abnormal, ctx) : h("td.num.z", {}, "—"),
      numeral(row.open, ctx),
      numeral(row.overdue, ctx, true),
      h("td.num.z", {}, row.expected ? ctx.format("coverage", row) : "—"),
    );

  cityops.rows["overview.asset"] = (row, ctx) => {
    const name = ctx.name(row.name);
    const link = row.sign && h("a", { href: ctx.href(`/sign/${row.sign}/${row.place}`) }, name);
    return h(
      "tr", {},
      h("td.cut", { title: name }, link || name),
      h("td.cut", {}, row.sign && row.status !== "normal" && ctx.mark("status", row.status, { word: false }), row.sign ? ctx.name(row.sign_name) : ctx.word(`overview_asset.${row.kind}`, {}, row.kind)),
      h("td.num", {}, row.sign ? ctx.format("value", row.value, { unit: row.unit }) : "—"),
      h("td.num.z", {}, row.at ? ctx.tick("age", row.at) : "—"),
    );
  };

  // ---- incidents

  function timeLeft(row, ctx) {
    if (row.due === null) return h("span.left.z", {}, ctx.word("overview.no_due"));
    const whole = Date.parse(row.due) - Date.parse(row.at);
    const left = Date.parse(row.due) - ctx.now();
    const kind = left < 0 ? "late" : left < whole / 5 ? "soon" : "";
    return h("span.left", {}, ctx.tick("countdown", { due: row.due, at: row.at }), ctx.bar(left < 0 ? 1 : left / whole, kind));
  }

  function holding(row, ctx) {
    const parts = [row.holder_name ? ctx.name(row.holder_name) : null, row.place === ctx.place.code ? null : ctx.name(row.place_name)];
    return [ctx.word(`state.${row.state}`), ...new Set(parts.filter(Boolean))].join(" · ");
  }

  cityops.rows["overview.incident"] = (row, ctx) =>
    h(
      "li.todo", {},
      h(
        "a", { href: ctx.href(`/incidents/${row.place}`, { source: row.source, source_id: row.source_id }), "data-hotkey": String(ctx.model["rows.incidents"].indexOf(row) + 1) },
        ctx.mark("severity", row.severity),
        h("span.what", {}, h("span.cut", {}, row.class_name ? ctx.name(row.class_name) : row.class), h("small.cut", { title: holding(row, ctx) }, holding(row, ctx))),
        timeLeft(row, ctx),
      ),
    );

  // ---- severity × stage

  function cell(row, one, ctx) {
    if (!one.n) return h("td.num.z", {}, "0");
    const fill = {
      severity: row.id === "sum" ? ctx.word("overview.sum") : ctx.word(`severity.${row.id}`),
      stage: one.stage ? ctx.word(`stage.${one.stage}`) : ctx.word("overview.sum"), n: one.n, overdue: one.overdue,
    };
    const query = { state: one.states, severity: row.id === "sum" ? null : row.id };
    return h(
      "td.num", {},
      h("a", { href: ctx.href(`/incidents/${ctx.place.code}`, query), "aria-label": ctx.word("overview.cell", fill) }, ctx.format("count", one.n), one.overdue ? h("sup", {}, one.overdue) : null),
    );
  }

  // A grade that nothing has takes no colour.
  function grade(row, ctx) {
    if (row.id === "sum") return ctx.word("overview.sum");
    if (row.cells.at(-1).n) return ctx.mark("severity", row.severity);
    return h("span.z", { title: ctx.word(`severity.${row.id}`) }, ctx.word(`severity1.${row.id}`));
  }

  cityops.rows["overview.grade_row"] = (row, ctx) =>
    h(
      `tr${row.id === "sum" ? ".sum" : ""}`, {},
      h("th", { scope: "row" }, grade(row, ctx)),
      row.cells.map((one) => cell(row, one, ctx)),
    );
})((window.cityops ??= {}));
