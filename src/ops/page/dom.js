/** Elements from values, and the least change of a page that makes it look like them: focus, selection and open details survive. */

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {Node | string | number | false | null | undefined} Child */
/** @typedef {Record<string, string | number | boolean | undefined> | null} Attributes */

/**
 * An element of HTML.
 *
 * @param {string} name
 * @param {Attributes} [attributes] false and undefined: without it; true: without a value
 * @param {...(Child | readonly Child[])} children
 * @returns {HTMLElement}
 */
export function h(name, attributes, ...children) {
  return /** @type {HTMLElement} */ (filled(document.createElement(name), attributes, children));
}

/**
 * An element of SVG.
 *
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {...(Child | readonly Child[])} children
 */
export function svg(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/**
 * @param {Element} element
 * @param {Attributes | undefined} attributes
 * @param {readonly (Child | readonly Child[])[]} children
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {}))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  for (const child of /** @type {Child[]} */ (children.flat()))
    if (child !== undefined && child !== null && child !== false)
      element.append(child instanceof Node ? child : String(child));
  return element;
}

/**
 * Makes the children of an element look like new ones. What has a `data-key` is met again wherever it stands, anything else by
 * its place.
 *
 * @param {Element} parent
 * @param {readonly Node[]} wanted
 */
export function morph(parent, wanted) {
  const keyed = new Map([...parent.childNodes].map(node => [keyOf(node), node]));
  let at = parent.firstChild;
  for (const node of wanted) {
    const key = keyOf(node);
    const found = key === undefined ? (at && keyOf(at) === undefined ? at : undefined) : keyed.get(key);
    if (!found || found.nodeName !== node.nodeName) {
      parent.insertBefore(node, at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else parent.insertBefore(found, at);
    update(found, node);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** @param {Node} node */
function keyOf(node) {
  return node instanceof HTMLElement ? node.dataset.key : undefined;
}

/**
 * @param {Node} old
 * @param {Node} wanted
 */
function update(old, wanted) {
  if (!(old instanceof Element && wanted instanceof Element)) {
    if (old.nodeValue !== wanted.nodeValue) old.nodeValue = wanted.nodeValue;
    return;
  }
  // Whether details are open is the reader's own.
  for (const { name } of [...old.attributes])
    if (name !== 'open' && !wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morph(old, [...wanted.childNodes]);
}

/**
 * The element with an id, which the page has.
 *
 * @param {string} id
 * @returns {any}
 */
export function the(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}
