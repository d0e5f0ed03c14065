// What a mouse can use and Tab did not come to.
(() => {
  const usable = "a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select:not([disabled]), textarea, summary, [tabindex='0']";
  const radio = (each) => each.type === "radio" && [...window.visited ?? []].some((one) => one.name === each.name);
  return [...document.querySelectorAll(usable)]
    .filter((each) => each.checkVisibility({ visibilityProperty: true }))
    .filter((each) => !window.visited?.has(each) && !radio(each))
    .map((each) => `<${each.tagName.toLowerCase()}> "${(each.textContent || each.name || "").trim().slice(0, 40)}"`);
})()
