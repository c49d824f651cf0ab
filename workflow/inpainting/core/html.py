"""Self-contained HTML pages with one style, embedded media and escaped text."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1f2933; --grey: #52606d; --pale: #616e7c; --line: #cbd2d9;
  --hair: #e4e7eb; --tint: #f5f7fa; --best: #e3f8e8; --accent: #0b69c7; --shade: #0003; }
@media (prefers-color-scheme: dark) { :root { --page: #14181d; --ink: #e4e7eb; --grey: #b8c2cc; --pale: #9aa5b1;
  --line: #52606d; --hair: #323f4b; --tint: #1f262d; --best: #14432a; --accent: #6cb4f7; --shade: #fff4; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2, h3 { font-size: 1rem; margin: 1.8rem 0 .5rem; overflow-wrap: anywhere; }
p, ul { max-width: 62rem; margin: .3rem 0 .9rem; color: var(--grey); } a { color: var(--accent); }
div.wide { overflow: auto; max-height: 85vh; max-width: max-content; border: 1px solid var(--hair); background:
  linear-gradient(to left, var(--page) 30%, transparent) right / 2.5rem 100% no-repeat local,
  linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat scroll; }
table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; }
th { text-align: left; vertical-align: bottom; font-size: .8rem; font-weight: 600; color: var(--grey);
  border-bottom: 2px solid var(--line); padding: .35rem .8rem; }
td { padding: .35rem .8rem; border-bottom: 1px solid var(--hair); vertical-align: top; }
th.number, td.number { text-align: right; white-space: nowrap; }
td.none { color: var(--pale); }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
small { color: var(--pale); }
ul.notes { font-size: .85rem; padding-left: 1.2rem; }
div.wide th { position: sticky; top: 0; z-index: 1; background: var(--page); }
div.wide th:first-child { z-index: 2; } div.wide th:first-child, div.wide td:first-child { position: sticky; left: 0; }
div.wide td:first-child { background: var(--page); }
table.data th { max-width: 9rem; white-space: normal; } table.data td { white-space: nowrap; }
table.data th small, table.data td small { display: block; font-weight: 400; }
table.data th:first-child, table.data td:first-child { border-left: 4px solid transparent; }
table.data tr.adapter td:first-child { border-left-color: #2186eb; }
tr.ceiling td { color: var(--grey); font-style: italic; border-bottom: 2px solid var(--line); }
tr.ceiling td, div.wide tr.ceiling td:first-child { background: var(--tint); }
.best { font-weight: 700; background: var(--best); }
.second { text-decoration: underline; text-underline-offset: 3px; }
th button { all: unset; cursor: pointer; max-width: 7.4rem; overflow-wrap: break-word; }
th button::after { content: "\\a0\\2195"; color: var(--pale); }
th[aria-sort=ascending] button::after { content: "\\a0\\25b2"; }
th[aria-sort=descending] button::after { content: "\\a0\\25bc"; }
th button:focus-visible, .wide:focus-visible, .clip:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 1px; }
.tools { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; margin: .6rem 0; font-size: .9rem; }
.tools input, .tools select, .tools button { font: inherit; } .tools input[type=search] { width: 12rem; }
.tools details { position: relative; margin: 0; } .tools fieldset { border: 0; margin: 0; padding: .2rem 0; }
.tools details > div { position: absolute; z-index: 3; width: min(26rem, 80vw); max-height: 60vh; overflow: auto;
  background: var(--page); border: 1px solid var(--line); padding: .4rem .8rem; }
.tools legend { font-weight: 600; color: var(--grey); font-size: .8rem; } .tools details label { display: block; }
.digests code { white-space: nowrap; } .digests td, .digests th { padding: .35rem .55rem; }
details { margin: .4rem 0; } summary { cursor: pointer; font-weight: 600; padding: .2rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: 2.5rem; margin: 1rem 0; }
.figures b { display: block; font-size: 1.7rem; font-weight: 650; line-height: 1.15; }
.figures span { color: var(--grey); }
@media (max-width: 40rem) { body { padding: .8rem; } div.wide th, div.wide td { padding: .35rem .45rem; }
  .clip { overflow-x: auto; } .clip video { min-width: 34rem; } }
video { display: block; max-width: 100%; height: auto; border: 1px solid var(--hair); }
"""

FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title><style>{{ style }}</style></head>
<body><main><h1>{{ title }}</h1>
{{ body }}
</main>
{% for script in scripts %}
<script>
{{ script }}
</script>
{% endfor %}
</body></html>
"""

ENVIRONMENT = jinja2.Environment(
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
)


def render(template: str, **values: object) -> Markup:
    """Render a Jinja template; values are escaped unless they are Markup."""
    return Markup(ENVIRONMENT.from_string(template).render(**values))


def render_page(title: str, template: str, *, scripts: Sequence[Path] = (), **values: object) -> str:
    """Render a whole page: the title, and the rendered template below it.

    scripts: JavaScript files that run when the page is complete; a page has to be readable without them.
    """
    texts = [Markup(path.read_text(encoding="utf-8")) for path in scripts]
    return render(FRAME, title=title, style=Markup(STYLE), body=render(template, **values), scripts=texts)


def embedded_json(value: Any) -> Markup:
    """A value as JSON for a script element, in which no text of it can end the element."""
    return Markup(json.dumps(value).replace("<", "\\u003c"))


def data_uri(content: Path | bytes, media: str) -> str:
    """A file, or its content, as a data URI of the given media type, e.g. video/mp4."""
    data = content if isinstance(content, bytes) else content.read_bytes()
    return f"data:{media};base64,{base64.b64encode(data).decode()}"
