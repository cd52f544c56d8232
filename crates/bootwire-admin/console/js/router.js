// The address after `#` says what is shown: `#/boots/17?q=node`. Every view can be linked to and bookmarked.

/** @typedef {{ name: string, rest: string[], query: URLSearchParams }} Place */

/**
 * @param {string} hash
 * @returns {Place}
 */
export function parse(hash) {
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const [name = "", ...rest] = path.split("/").map(decode);
  return { name, rest, query: new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1)) };
}

/**
 * @param {string} part
 */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // Somebody typed a lone `%`.
  }
}

/**
 * The address of a view: `link("boots", id)`, `link("explain", { path })`.
 *
 * @param {...(string | number | { [key: string]: string | null | undefined })} parts path parts, then the query
 */
export function link(...parts) {
  const query = new URLSearchParams();
  const path = [];
  for (const part of parts) {
    if (typeof part === "object") {
      for (const [key, value] of Object.entries(part)) if (value) query.set(key, value);
    } else {
      path.push(encodeURIComponent(part));
    }
  }
  const text = query.toString();
  return `#/${path.join("/")}${text ? `?${text}` : ""}`;
}

/**
 * Changes the query of the view that is open, without a step in the history and without opening the view again.
 *
 * @param {{ [key: string]: string | null | undefined }} changes
 */
export function refine(changes) {
  const place = parse(location.hash);
  for (const [key, value] of Object.entries(changes)) {
    if (value) place.query.set(key, value);
    else place.query.delete(key);
  }
  history.replaceState(null, "", link(place.name, ...place.rest, Object.fromEntries(place.query)));
}
