"use strict";
// Makes elements whose contents are always text, so that no string of a user can become markup.
((tool) => {
  const SVG = "http://www.w3.org/2000/svg";

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
      else if (name === "style") element.style.cssText = value;
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined && child !== false) element.append(child);
    }
    return element;
  }

  // Make an HTML element; attributes that begin with "on" are listeners, children are elements or text.
  tool.make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  tool.makeSvg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  // Make a button with a text.
  tool.makeButton = (text, act, attributes) =>
    tool.make("button", { type: "button", class: "ct-button", onclick: act, ...attributes }, text);

  // Make a choice among options, given as [value, text] pairs.
  tool.makeSelect = (label, options, value, act) =>
    tool.make("label", { class: "ct-select" }, tool.make("span", {}, label),
      tool.make("select", { onchange: (event) => act(event.target.value) },
        options.map(([key, text]) => tool.make("option", { value: key, selected: key === value }, text))));

  // Call a function once, a moment after the last of many calls.
  tool.delay = (act, milliseconds) => {
    let timer = 0;
    return (...given) => {
      clearTimeout(timer);
      timer = setTimeout(() => act(...given), milliseconds);
    };
  };

  // Go on with a piece of work when the browser has nothing else to do.
  tool.whenIdle = (act) => (globalThis.requestIdleCallback || ((f) => setTimeout(f, 1)))(act, { timeout: 500 });
})(globalThis.candidateTool ??= {});
