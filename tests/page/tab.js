// Where the focus is after Tab: what it is called, and whether one can see that it is there.
// `null` where it left the page; what had it is kept in `window.visited`.
(() => {
  const each = document.activeElement;
  if (!each || each === document.body || each === document.documentElement) return null;
  window.visited ??= new Set();
  if (window.visited.has(each)) return null;
  window.visited.add(each);
  const style = getComputedStyle(each);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const box = each.getBoundingClientRect();
  const inView = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const called = `<${each.tagName.toLowerCase()}> "${(each.textContent || each.name || "").trim().slice(0, 40)}"`;
  return { called, outlined, inView };
})()
