"""Sphinx's settings for the course as pages. `tools/site.py` lays out what is built, and builds it."""

import re

from myst_nb.sphinx_ import HideCodeCellNode

from tools.site import CODE_ONLY, repository

project = "WebSockets in FastAPI"
html_title = project
author = copyright = ""
html_show_copyright = html_show_sphinx = False
language = "en"

extensions = ["myst_nb", "sphinx_copybutton"]
nitpicky = True
smartquotes = False  # the text is what the tests hold, to the letter

# Lessons as they are stored. Nothing runs while the pages are built.
nb_execution_mode = "off"
nb_render_markdown_format = "gfm"
nb_code_prompt_show = nb_code_prompt_hide = "Show what happens"
myst_heading_anchors = 4
myst_heading_slug_func = "tools.site.anchor"
myst_enable_extensions = ["html_image"]

html_theme = "furo"
html_theme_options = {"footer_icons": []}
if repository():
    html_theme_options |= {"source_repository": f"https://github.com/{repository()}", "top_of_page_buttons": []}
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
if tags.has("run"):  # noqa: F821  Sphinx's own name, of what `tools/site.py` gives it as --tag
    html_static_path += ["browser/page"]
    html_css_files += ["lesson.css"]
    html_js_files += [("lesson.js", {"type": "module"})]
html_favicon = "static/icon.svg"
html_copy_source = html_use_index = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

copybutton_selector = CODE_ONLY


def setup(app):
    """Sphinx's hook for settings that are code."""
    app.connect("html-page-context", mend, priority=900)  # after Furo, which makes the navigation
    app.add_node(HideCodeCellNode, override=True, html=(unfold, lambda page, _: page.body.append("</details>\n")))


def unfold(page, node):
    """The line that a reader opens an answer with. MyST-NB's own tells a screen reader "Toggle hidden content"."""
    page.body.append(f"<details class='answer'>\n<summary>{page.encode(node['prompt_show'])}</summary>\n")


def mend(app, page, template, context, doctree):
    """What axe-core finds in pages of Sphinx and Furo: captions without a level, heads of columns without a text."""
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
        '<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'
    )
    if "body" in context:
        context["body"] = re.sub(r"<th\b([^>]*)>(?:<p></p>)?</th>", r"<td\1></td>", context["body"])
