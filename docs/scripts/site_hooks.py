"""Hooks of mkdocs: the README as a page of the site, and links out of docs/, which the site does not hold."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

README = Path(__file__).parents[2] / "README.md"
TARGET = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")
OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README, with its links seen from docs/."""
    text = TARGET.sub(lambda found: f"]({_from_docs(found[1])})", README.read_text(encoding="utf-8"))
    files.append(File.generated(config, "readme.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to the README to its page, others out of docs/ to the repository if mkdocs.yml has its repo_url."""

    def link(found: re.Match[str]) -> str:
        text, target = found.groups()
        if target.startswith("README.md"):
            return f"[{text}]({target.replace('README.md', 'readme.md', 1)})"
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{target})" if config.repo_url else text

    return OUTSIDE.sub(link, markdown)


def _from_docs(target: str) -> str:
    return target.removeprefix("docs/") if target.startswith("docs/") else f"../{target}"
