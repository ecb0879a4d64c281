import { useData, useRoute } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { defineComponent, h, nextTick, onMounted, watch } from "vue";
import "./style.css";

/** The default layout, with the landmark that its home page and the one for what is not there lack. */
const Layout = defineComponent({
  setup() {
    const { frontmatter, page } = useData();
    const route = useRoute();
    const mark = async () => {
      await nextTick();
      const content = document.getElementById("VPContent");
      if (frontmatter.value.layout === "home" || page.value.isNotFound) content?.setAttribute("role", "main");
      else content?.removeAttribute("role");
    };
    onMounted(() => {
      mark();
      watch(() => route.path, mark);
    });
    return () => h(DefaultTheme.Layout);
  },
});

export default { ...DefaultTheme, Layout };
