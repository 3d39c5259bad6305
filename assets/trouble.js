// What is wrong with what this screen shows, and which of it is said first?
((cityops) => {
  const LATE_WORKER = 15000;
  const root = document.documentElement;
  const { ctx } = cityops;

  // null = it never beat, undefined = nobody has said yet.
  const stands = (workerAt) => workerAt === null || ctx.now() - Date.parse(workerAt) > LATE_WORKER;

  // The gravest first. Of a server that is silent nobody knows more than that.
  function found({ mode, room, workerAt }) {
    if (mode === "hidden") return [];
    if (mode === "silent") return ["silent"];
    const all = { down: mode === "down", failed: mode === "failed", disk: Boolean(room) && room !== "ample", stopped: stands(workerAt), polling: mode === "polling" };
    return Object.keys(all).filter((one) => all[one]);
  }

  // What it means for who looks on.
  const meaning = {
    disk: ({ room }) => ctx.word(`notice.disk_${room}`),
    stopped: ({ workerAt }) => (workerAt ? ctx.word("notice.stopped", { t: ctx.format("second", workerAt) }) : ctx.word("notice.never")),
  };

  function say(now) {
    const troubles = found(now);
    const word = (one) => ctx.word(`live.${one === "disk" ? "room_low" : one}`);
    const whole = troubles.map((one) => (one === "disk" ? ctx.word(`live.room_${now.room}`) : word(one))).join("; ");
    const [noted, ...also] = troubles.filter((one) => meaning[one]);
    root.toggleAttribute("data-noted", Boolean(noted));
    for (const box of document.querySelectorAll("[data-connection]")) {
      write(box.querySelector(".trouble"), troubles.length ? word(troubles[0]) : "");
      write(box.querySelector(".as-of"), ctx.word("live.as_of", { t: now.asOf ? ctx.format("second", now.asOf) : "—" }));
      write(box.querySelector("[role=status]"), whole);
      if (box.title !== whole) box.title = whole;
    }
    for (const box of document.querySelectorAll("[data-notice]")) {
      write(box.querySelector("b"), noted ? word(noted) : "");
      write(box.querySelector("span"), noted ? meaning[noted](now) : "");
      write(box.querySelector("strong"), also.map(word).join(""));
    }
    const title = [...troubles.map(word), now.title].filter(Boolean).join(" · ");
    if (now.title && document.title !== title) document.title = title;
  }

  function write(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  cityops.trouble = { say };
})((window.cityops ??= {}));
