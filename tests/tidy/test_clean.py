"""No file names the host of a package registry or a folder of somebody's machine."""

import re
from pathlib import Path

import pytest

from tests.tidy import sources

# Put together here so that this file does not match itself.
HOSTS = (
    *("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "yarnpkg" + ".com", "crates" + ".io"),
    *("proxy.golang" + ".org", "repo.maven" + ".apache.org", "deb.debian" + ".org"),
    "binaries.soliditylang" + ".org",
)
FOLDERS = ("home", "root", "work", "Users", "mnt", "workspace")
PATTERN = re.compile("|".join([*map(re.escape, HOSTS), r"(?<![\w.~*$}/-])/(?:" + "|".join(FOLDERS) + r")/\w"]))
LOCKS = tuple(p for p in sources.files() if p.name == "package-lock.json" or p.parts[0] == "requirements")


def test_no_file_tells_about_the_machine_it_was_made_on() -> None:
    found = {str(path): [match.group() for match in PATTERN.finditer(sources.text(path))] for path in sources.files()}
    assert {name: matches for name, matches in found.items() if matches} == {}


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_a_lock_file_holds_hashes_and_no_addresses(path: Path) -> None:
    content = sources.text(path)
    assert "://" not in content.replace('"url": "https://', "")  # npm: where to thank an author
    assert '"resolved"' not in content


def test_the_patterns_find_what_they_are_for() -> None:
    assert PATTERN.search("see https://" + HOSTS[0] + "/simple")
    assert PATTERN.search('path = "' + "/" + 'work/main"')
    assert not PATTERN.search("contracts/work/x and ./home/y")
