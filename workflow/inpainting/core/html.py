"""Self-contained HTML pages with one style, embedded media and escaped text."""

import base64
from pathlib import Path

import jinja2
from markupsafe import Markup

STYLE = """
body { margin: 0; padding: 1.5rem; background: #fff; color: #1f2933; font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 1.8rem 0 .5rem; }
p, ul { max-width: 62rem; margin: .3rem 0 .9rem; color: #52606d; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; vertical-align: bottom; font-size: .8rem; font-weight: 600; color: #52606d;
  border-bottom: 2px solid #cbd2d9; padding: .35rem .8rem; }
td { padding: .35rem .8rem; border-bottom: 1px solid #e4e7eb; vertical-align: top; }
th.number, td.number { text-align: right; white-space: nowrap; }
td.none { color: #9aa5b1; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
small { color: #7b8794; }
ul.notes { font-size: .85rem; padding-left: 1.2rem; }
table.scores th { max-width: 9rem; white-space: normal; } table.scores td { white-space: nowrap; }
table.scores td small { display: block; font-weight: 400; }
table.scores td:first-child { border-left: 4px solid transparent; }
table.scores tr.adapter td:first-child { border-left-color: #2186eb; }
tr.ceiling td { background: #f5f7fa; color: #52606d; font-style: italic; border-bottom: 2px solid #cbd2d9; }
.best { font-weight: 700; background: #e3f8e8; } .second { text-decoration: underline; text-underline-offset: 3px; }
.digests code { white-space: nowrap; } .digests td, .digests th { padding: .35rem .55rem; }
details { margin: .4rem 0; } summary { cursor: pointer; font-weight: 600; padding: .2rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: 2.5rem; margin: 1rem 0; }
.figures b { display: block; font-size: 1.7rem; font-weight: 650; line-height: 1.15; } .figures span { color: #52606d; }
video { display: block; max-width: 100%; height: auto; border: 1px solid #e4e7eb; }
"""

FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>{{ style }}</style></head>
<body><h1>{{ title }}</h1>
{{ body }}
</body></html>
"""

ENVIRONMENT = jinja2.Environment(
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
)


def render(template: str, **values: object) -> Markup:
    """Render a Jinja template; values are escaped unless they are Markup."""
    return Markup(ENVIRONMENT.from_string(template).render(**values))


def render_page(title: str, template: str, **values: object) -> str:
    """Render a whole page: the title, and the rendered template below it."""
    return render(FRAME, title=title, style=Markup(STYLE), body=render(template, **values))


def data_uri(path: Path, media: str) -> str:
    """A file's content as a data URI of the given media type, e.g. video/mp4."""
    return f"data:{media};base64,{base64.b64encode(path.read_bytes()).decode()}"
