// Brings the page up to date row by row, so that what is selected or has the focus stays so. Where the agent does not
// answer, nothing happens here: the style lets the page grow old by itself.
const update = async () => {
  const answer = await fetch(location, { cache: "no-store", signal: AbortSignal.timeout(4000) });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const parts = (of) => of.querySelectorAll("h1, tbody tr, #now");
  const fresh = parts(page);
  parts(document).forEach((part, n) => {
    if (part.outerHTML !== fresh[n].outerHTML) part.replaceWith(fresh[n]);
  });
  document.title = page.title;
  for (const aging of document.getAnimations()) aging.currentTime = 0;
};
const tryUpdate = () => update().catch(() => {});
document.addEventListener("animationend", () => (document.title = "Old: Integration Health"));
setInterval(tryUpdate, 5000);
document.addEventListener("visibilitychange", () => document.hidden || tryUpdate());
