// How does a table of the overview, that no address answers, leave as CSV? By the rules of the API's tables.
((cityops) => {
  const { ctx, h } = cityops;
  const plain = (...names) => Object.fromEntries(names.map((name) => [name, (row) => row[name]]));
  const both = { name_zh: (row) => row.name.zh, name_en: (row) => row.name.en };
  const cell = (at, part) => (row) => row.cells.at(at)[part];
  const stages = [0, 1, 2, 3, 4, 5, -1].map((at) => [at, at < 0 ? "all" : `stage_${at + 1}`]);

  const TABLES = {
    "rows.children": { ...plain("code"), ...both, ...plain("status", "abnormal", "live", "expected", "open", "overdue") },
    "rows.assets": { ...plain("code"), ...both, ...plain("kind", "place", "sign", "value", "unit", "at", "status") },
    "rows.matrix": {
      severity: (row) => row.id,
      ...Object.fromEntries(stages.flatMap(([at, name]) => [[name, cell(at, "n")], [`${name}_overdue`, cell(at, "overdue")]])),
    },
  };

  // `'` before what a spreadsheet would run, `="…"` around digits that are a name and no number.
  function safe(value) {
    if (value === null || value === undefined) return "";
    if (typeof value !== "string") return String(value);
    const text = /^(\d{12,}|0\d+)$/.test(value) ? `="${value}"` : /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function written(key, rows, asOf) {
    const columns = { ...TABLES[key], place: () => ctx.place.code, as_of: () => asOf, simulated: () => ctx.simulated };
    const lines = rows.map((row) => Object.values(columns).map((of) => safe(of(row))));
    return `\ufeff${[Object.keys(columns), ...lines].map((line) => `${line.join(",")}\r\n`).join("")}`;
  }

  function save(key) {
    const asOf = new Date(ctx.now()).toISOString();
    const url = URL.createObjectURL(new Blob([written(key, ctx.model[key] ?? [], asOf)], { type: "text/csv;charset=utf-8" }));
    const stamp = asOf.replace(/[-:]|\.\d+/g, "");
    h("a", { href: url, download: `overview_${key.split(".")[1]}_${ctx.place.code}_${stamp}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-table]");
    if (button) save(button.dataset.table);
  });
})((window.cityops ??= {}));
