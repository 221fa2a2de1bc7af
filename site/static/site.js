// A box that is too narrow for what is in it scrolls. With the keyboard, too, once it can have the focus.
const boxes = document.querySelectorAll("article pre, article .text_html, article .table-wrapper");
const scrolls = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of boxes) scrolls.observe(box);
// An output that has come since: page/lesson.js shows those.
document.addEventListener("new-output", ({ target }) => {
  for (const box of [target, ...target.querySelectorAll("pre")]) if (box.matches("pre, .text_html")) scrolls.observe(box);
});

// Furo's two sidebars have the same role, and no names to tell them by.
document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "All pages");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
