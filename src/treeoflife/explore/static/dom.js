// Making elements: text from a dataset becomes a text node, never markup.

export const $ = (id) => document.getElementById(id);

/** An element with content and attributes: names that begin with "on" are listeners; null and false are left out. */
export function make(tag, attributes = {}, ...content) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) one.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) one.setAttribute(name, value === true ? "" : value);
  }
  one.append(...content.filter((part) => part != null));
  return one;
}

const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const escaped = (one) => "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0");

/** A text in which invisible characters, and those that reverse the direction of writing, are escapes. */
export const visible = (text) => String(text).replace(INVISIBLE, escaped);

/** The same, cut to the length of a label. */
export function short(text, most = 120) {
  const seen = visible(text);
  return seen.length > most ? seen.slice(0, most - 1) + "…" : seen;
}

/** A text that does not change the direction of the text around it. */
export const bdi = (text) => make("bdi", {}, visible(text));

export const number = (count) => count.toLocaleString("en");
/** A number in three digits, or with all those before its point. */
export const fewDigits = (value) => String(Math.abs(value) < 1000 ? Number(value.toPrecision(3)) : Math.round(value));
export const images = (count) => number(count) + (count === 1 ? " image" : " images");

/** The server's answer as a value; an error has the server's message and the status of the answer. */
export async function ask(path, options) {
  const answer = await fetch(path, options);
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error || answer.statusText), { status: answer.status });
  return value;
}
