import { env } from "node:process";
import { readFileSync } from "node:fs";

const sidebar = JSON.parse(readFileSync(new URL("sidebar.json", import.meta.url), "utf8"));

export default {
  title: "denoise",
  description: "Hugging Face diffusers for TypeScript",
  lang: "en",
  cleanUrls: true,
  base: env.SITE_BASE,
  head: [
    ["meta", { name: "theme-color", content: "#6d4aff" }],
    ["link", { rel: "icon", type: "image/svg+xml", href: `${env.SITE_BASE}logo.svg` }],
  ],
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    image: { lazyLoading: true },
  },
  themeConfig: {
    logo: "/logo.svg",
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Get started", link: "/get-started" },
      { text: "From diffusers", link: "/migrate" },
      { text: "Families", link: "/families/" },
      { text: "API", link: "/api/" },
    ],
    sidebar,
    notFound: { linkLabel: "Take me home" },
    footer: { message: "Apache-2.0" },
  },
  vite: { build: { chunkSizeWarningLimit: 2000 }, logLevel: "warn" },
};
