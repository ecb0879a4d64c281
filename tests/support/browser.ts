/**
 * A browser that tests drive, and axe, which finds what keeps people from using a page.
 *
 * @module
 */
export { default as axe } from "axe-core";
export { type Browser, chromium, type Page } from "playwright-core";
