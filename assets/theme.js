// Which skin and language does this browser want? Runs in the head, before anything is drawn.
(() => {
  const asked = new URLSearchParams(location.search);
  const root = document.documentElement;
  let kept = null;
  try {
    if (asked.get("skin")) localStorage.setItem("cityops.skin", asked.get("skin"));
    kept = localStorage.getItem("cityops.skin");
  } catch { /* storage may be forbidden */ }
  root.dataset.skin = asked.get("skin") || kept || "dark";
  root.lang = asked.get("lang") === "en" ? "en" : "zh-CN";
})();
