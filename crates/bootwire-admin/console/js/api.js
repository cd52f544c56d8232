// Questions to the admin API. One place knows its addresses, the token, and what an error says.

import { Events } from "./events.js";

const BASE = "api/v1/";
/** No form of another site can send this header: the server takes changes only with it. */
const CHANGES = { "x-bootwire": "1" };

/** The server said no, or could not be asked. `message` is for people. */
export class Trouble extends Error {
  /**
   * @param {string} message
   * @param {number} status of HTTP; 0 if there was no answer
   * @param {unknown} [body] what the server sent, if that was JSON
   */
  constructor(message, status, body) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** Told `"refused"` when the server wants a token. */
export const access = new Events();

/**
 * Shows the token to the server, which gives a cookie for it that scripts cannot read.
 *
 * @param {string} token
 */
export async function enter(token) {
  await post("session", { token });
  access.tell("granted");
}

/**
 * @param {string} path beneath the API's address, with its query
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function ask(path, init = {}) {
  let response;
  try {
    response = await fetch(BASE + path, {
      ...init,
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Trouble("The server does not answer. Is it running, and is this address still its admin endpoint?", 0);
  }
  if (response.status === 401) access.tell("refused");
  if (!response.ok) throw await refusal(response);
  return response;
}

/** @param {Response} response */
async function refusal(response) {
  const text = await response.text().catch(() => "");
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: some proxy's page.
  }
  const said = [body?.title, body?.detail].filter((part) => typeof part === "string" && part !== "").join(": ");
  return new Trouble(said || status(response), response.status, body);
}

/** @param {Response} response */
function status({ status, statusText }) {
  if (status === 401) return "The server wants a token.";
  if (status === 404) return "The server does not have this.";
  return `The server says ${status} ${statusText}`.trim();
}

/**
 * @param {{ [key: string]: string | number | boolean | null | undefined }} query
 */
function search(query) {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "" && value !== false) given.set(key, String(value));
  }
  const text = given.toString();
  return text ? `?${text}` : "";
}

/**
 * @template T
 * @param {string} path
 * @param {{ [key: string]: string | number | boolean | null | undefined }} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function get(path, query = {}, signal) {
  const response = await ask(path + search(query), signal ? { signal } : {});
  return response.json();
}

/**
 * @template T
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<T>}
 */
export async function post(path, body) {
  const response = await ask(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...CHANGES },
    body: JSON.stringify(body ?? {}),
  });
  const text = await response.text();
  return text ? JSON.parse(text) : /** @type {any} */ (undefined);
}

/** A part of an address. @param {string | number} text */
export const part = (text) => encodeURIComponent(text);
