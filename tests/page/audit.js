// What keeps somebody from using the page as it is shown now: a list of sentences, empty where
// nothing does. Rules of WCAG 2.2 AA, as far as a program can judge them.
(() => {
  const found = [];
  const say = (text) => { if (!found.includes(text)) found.push(text); };
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement;
  const name = (each) => {
    const id = each.id ? `#${each.id}` : "";
    const kind = [...each.classList].map((one) => `.${one}`).join("");
    const text = (each.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${each.tagName.toLowerCase()}${id}${kind}> "${text}"`;
  };
  const shown = (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const labelOf = (each) => {
    const by = each.getAttribute("aria-labelledby");
    const named = by && by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" ");
    return (named || each.getAttribute("aria-label") || "").trim();
  };

  // The document.
  if (!root.lang) say("the document has no language");
  if (!document.title.trim()) say("the document has no title");
  if (all("main").length !== 1) say(`${all("main").length} main landmarks instead of one`);
  if (all("h1").length !== 1) say(`${all("h1").length} h1 instead of one`);
  const view = document.querySelector("meta[name=viewport]");
  if (!view || /user-scalable=no|maximum-scale=1\b/.test(view.content)) say("the page cannot be zoomed");

  // Headings in order.
  let level = 0;
  for (const each of all("h1, h2, h3, h4, h5, h6").filter(shown)) {
    const own = Number(each.tagName[1]);
    if (own > level + 1) say(`${name(each)} follows a heading of level ${level}`);
    if (!each.textContent.trim()) say(`an empty heading ${name(each)}`);
    level = own;
  }

  // Names of what can be used.
  for (const each of all("input:not([type=hidden]), select, textarea")) {
    if (!each.labels?.length && !labelOf(each)) say(`no label: ${name(each)} name=${each.name}`);
  }
  for (const each of all("a, button, summary")) {
    const image = each.querySelector("img[alt], svg[aria-label]");
    if (!each.textContent.trim() && !labelOf(each) && !image) say(`no name: ${name(each)}`);
    if (each.tagName === "A" && !each.hasAttribute("href")) say(`a link to nowhere: ${name(each)}`);
    if (each.querySelector("a, button, input, select")) say(`something to use within ${name(each)}`);
  }
  for (const each of all("nav, [role=region], section")) {
    const needed = each.tagName !== "SECTION" || each.hasAttribute("aria-labelledby");
    if (needed && !labelOf(each)) say(`a landmark without a name: ${name(each)}`);
  }
  for (const each of all("img")) if (!each.hasAttribute("alt")) say(`no alt: ${each.src}`);
  for (const each of all("svg")) {
    if (each.getAttribute("aria-hidden") !== "true" && !labelOf(each)) say(`no name: ${name(each)}`);
  }

  // Tables.
  for (const table of all("table")) {
    const heads = all("th", table);
    if (!heads.length) say(`a table without th: ${name(table)}`);
    for (const each of heads) if (!each.getAttribute("scope")) say(`th without scope: ${name(each)}`);
    const called = table.caption?.textContent.trim() || labelOf(table) || (table.closest("[role=region]") && labelOf(table.closest("[role=region]")));
    if (!called) say(`a table without a name: ${name(table)}`);
    const columns = all("thead th", table).length;
    for (const row of all("tbody tr", table)) {
      const cells = [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0);
      if (columns && cells !== columns) say(`${cells} cells under ${columns} heads: ${name(row)}`);
    }
  }
  for (const list of all("ul, ol")) {
    if ([...list.children].some((each) => each.tagName !== "LI")) say(`no list item in ${name(list)}`);
  }

  // Ids and what refers to them.
  const ids = all("[id]").map((each) => each.id);
  for (const id of new Set(ids)) {
    if (ids.filter((each) => each === id).length > 1) say(`the id ${id} is there twice`);
  }
  for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
    for (const each of all(`[${attribute}]`)) {
      for (const id of each.getAttribute(attribute).split(/\s+/)) {
        if (!document.getElementById(id)) say(`${attribute}="${id}" of ${name(each)} is nobody`);
      }
    }
  }

  // Nothing wider than the window; what scrolls by itself can be reached by a keyboard.
  const width = root.clientWidth;
  const scrolls = (each) => /auto|scroll/.test(getComputedStyle(each).overflowX);
  const inside = (each) => {
    for (let up = each.parentElement; up; up = up.parentElement) if (scrolls(up)) return true;
    return false;
  };
  if (root.scrollWidth > width) {
    say(`the document is ${root.scrollWidth} px wide in ${width} px`);
    const wide = all("body *").filter((each) => each.getBoundingClientRect().right > width + 1 && !inside(each));
    wide.slice(0, 5).forEach((each) => say(`too wide: ${name(each)} to ${each.getBoundingClientRect().right} px`));
  }
  for (const each of all("body *").filter((one) => shown(one) && scrolls(one))) {
    const overflows = each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1;
    const reached = each.tabIndex >= 0 || each.querySelector("a[href], button, input, select");
    if (overflows && !reached) say(`scrolls, and no key can reach it: ${name(each)}`);
  }

  // Big enough to be hit.
  for (const each of all("button, input:not([type=hidden]), select, nav a, summary").filter(shown)) {
    const box = each.getBoundingClientRect();
    if (box.height < 24 || box.width < 24) say(`hard to hit, ${Math.round(box.width)} × ${Math.round(box.height)} px: ${name(each)}`);
  }

  // Contrast of every text with what lies behind it.
  const colour = (text) => {
    const numbers = text.match(/-?[\d.]+(e-?\d+)?/g)?.map(Number) ?? [0, 0, 0, 0];
    const scale = text.startsWith("color(") ? 255 : 1;
    const [r, g, b, a = 1] = numbers;
    return [r * scale, g * scale, b * scale, a];
  };
  const over = (top, below) => top.slice(0, 3).map((part, i) => part * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (each) => {
    const layers = [];
    for (let up = each; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.backgroundImage !== "none") say(`a picture behind text: ${name(up)}`);
      layers.push(colour(style.backgroundColor));
    }
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    return layers.reverse().reduce((below, top) => over(top, below), dark ? [18, 18, 18, 1] : [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const opacity = (each) => {
    let product = 1;
    for (let up = each; up; up = up.parentElement) product *= Number(getComputedStyle(up).opacity);
    return product;
  };
  const check = (each, style, what) => {
    const back = behind(each);
    const own = colour(style.color);
    own[3] *= opacity(each);
    const [a, b] = [light(over(own, back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}: ${what} ${name(each)}`);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const each = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(each) || !shown(each)) continue;
    if (["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(each.tagName)) continue;
    seen.add(each);
    if (!each.closest("[disabled]")) check(each, getComputedStyle(each), "text of");
  }
  for (const each of all("input:not([type=hidden]), select, textarea").filter(shown)) {
    if (each.disabled) continue;
    check(each, getComputedStyle(each), "value of");
    if (each.placeholder) check(each, getComputedStyle(each, "::placeholder"), "placeholder of");
  }

  // The policy of the page forbids both; a page that has one is broken, if not unsafe.
  for (const each of all("body *")) {
    for (const { name: attribute } of each.attributes) {
      if (/^on|^style$/.test(attribute)) say(`attribute ${attribute} of ${name(each)}`);
    }
  }
  return found;
})()
