// How large must type be in this hall, and what has no room then?
((cityops) => {
  const { ctx } = cityops;
  const root = document.documentElement;
  const CANVAS = 67.5; // rem high
  const NARROWEST = 101.25; // rem wide: 3:2
  const FLOOR = 26; // canvas px, of which a digit fills 0.73
  const LEAST = 16; // arc minutes
  const ROOM = [92, 43]; // rem: below this nothing is left to drop

  // ?dist= metres and ?diag= inches of this hall.
  function hall() {
    const asked = new URLSearchParams(location.search);
    const given = (name, otherwise) => (Number(asked.get(name)) > 0 ? Number(asked.get(name)) : otherwise);
    const ratio = innerWidth / innerHeight;
    const height = (given("diag", 320) * 0.0254) / Math.hypot(ratio, 1);
    const minutes = (length) => (Math.atan(length / given("dist", 8)) * 180 * 60) / Math.PI;
    return minutes((height / 1080) * FLOOR * 0.73);
  }

  // Larger type is a smaller canvas: everything keeps its proportions and rows go.
  function scale() {
    if (!root.hasAttribute("data-wall")) return;
    const larger = Math.max(1, LEAST / hall());
    const rem = Math.min(innerHeight / CANVAS, innerWidth / NARROWEST) * larger;
    const k = larger.toFixed(4);
    if (root.style.getPropertyValue("--k") !== k) root.style.setProperty("--k", k);
    root.toggleAttribute("data-too-small", innerWidth / rem < ROOM[0] || innerHeight / rem < ROOM[1]);
  }

  function shorten(title) {
    title.classList.remove("w-long", "w-longer");
    for (const step of ["w-long", "w-longer"]) if (title.scrollWidth > title.clientWidth + 1) title.classList.add(step);
  }

  const ROOMS = ["2 all", "2 12", "1 all", "1 12", "1 8"]; // lines a domain, and how many domains

  // Rows that would be cut are left out whole, from the end, and counted.
  function fit(box) {
    const across = box.dataset.fit === "across";
    const children = [...box.children];
    const { right, bottom } = box.getBoundingClientRect();
    const beyond = children.map((child) => {
      const own = child.getBoundingClientRect();
      return !child.hidden && (across ? own.right > right + 1 : own.bottom > bottom + 1);
    });
    const from = beyond.indexOf(true);
    if (from >= 0) children.forEach((child, at) => at >= from && (child.hidden = true));
    return from < 0;
  }

  // The most that can be told of every domain; then those go that are kept for last.
  function furnish(box) {
    const unhide = () => [...box.children].forEach((child) => child.hidden && (child.hidden = false));
    for (const room of ROOMS) {
      if (box.dataset.room !== room) box.dataset.room = room;
      unhide();
      if (fit(box)) return;
    }
    unhide();
    const { bottom } = box.getBoundingClientRect();
    const isOver = () => [...box.children].some((child) => child.getBoundingClientRect().bottom > bottom + 1);
    const last = [...box.children].sort((one, other) => other.dataset.rank - one.dataset.rank);
    while (last.length && isOver()) last.shift().hidden = true;
  }

  // Of overdue and next due both stay in sight: the last overdue ones go before the first that is still in time.
  function split(box) {
    const shown = () => [...box.children].filter((child) => !child.hidden);
    const late = [...box.children].filter((child) => child.classList.contains("w-over"));
    const room = shown().length;
    const next = box.children.length - late.length;
    const keep = Math.max(room - next, Math.ceil(room / 2));
    for (const child of box.children) if (child.hidden) child.hidden = false;
    late.slice(Math.min(keep, late.length)).forEach((child) => (child.hidden = true));
  }

  function count() {
    for (const note of document.querySelectorAll("[data-more]")) {
      const box = document.querySelector(`[data-key="${note.dataset.more}"]`);
      const shown = [...(box?.children ?? [])].filter((child) => child.dataset.id && !child.hidden).length;
      const left = (ctx.model[note.dataset.total] ?? 0) - shown;
      const words = left > 0 ? ctx.word("wall.more", { n: ctx.format("count", left) }) : "";
      if (note.textContent !== words) note.textContent = words;
    }
  }

  // A name too long for its line takes the room of the curve, then a second line.
  function loosen(row) {
    const name = row.querySelector(".w-n");
    const tight = () => [...name.children].some((part) => part.scrollWidth > part.clientWidth + 1);
    row.classList.remove("w-long", "w-longer");
    for (const step of ["w-long", "w-longer"]) if (tight()) row.classList.add(step);
  }

  let soon = 0;
  function later() {
    soon ||= requestAnimationFrame(() => {
      soon = 0;
      all();
    });
  }

  function all() {
    const boxes = document.querySelectorAll(".w [data-fit]");
    for (const box of boxes) for (const child of box.children) if (child.hidden) child.hidden = false;
    for (const title of document.querySelectorAll(".w h1")) shorten(title);
    for (const row of document.querySelectorAll(".w li:has(> .w-n)")) loosen(row);
    for (const box of boxes) {
      if ("room" in box.dataset) furnish(box);
      else fit(box);
      if (box.dataset.split) split(box);
    }
    for (const box of [...boxes].reverse()) if (!("room" in box.dataset)) fit(box); // a list that gave up rows has left its room to others
    count();
  }

  function resized() {
    scale();
    later();
    cityops.wall.map?.resized();
  }

  const KEYS = ["rows.signs", "rows.domains", "rows.clocks", "rows.children", "rows.classes", "rows.feeds", "rows.acts", "rows.warnings", "rows.decisions", "text.abnormal", "layer.places"];
  for (const key of KEYS) (cityops.listeners[key] ??= []).push(() => root.hasAttribute("data-wall") && resized());
  addEventListener("resize", resized);
  document.fonts?.ready.then(later);
  cityops.wall.fit = { all, scale };
})((window.cityops ??= {}));
