"""The project's habits: `nox -l` lists them, plain `nox` runs the quick ones."""

import sys

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "tests", "sim"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
# This Python too, if it is a newer one: no tests are no good news.
THIS = "{}.{}".format(*sys.version_info)
PYTHONS = list(dict.fromkeys([*nox.project.python_versions(PYPROJECT), THIS]))
# These are about the chat and not about a Python, and take as long as all others together.
ONCE = ("tests/reliability", "tests/simulator/zoo", "tests/day")
# Who is done takes from who has most left; more than four are in each other's way.
AT_ONCE = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
# How many seeds of each suite without further arguments: all together take three minutes.
SUITES = {
    "smoke": 4,
    "order": 10,
    "disconnect": 10,
    "restart": 10,
    "partition": 10,
    "overload": 4,
    "hostile": 10,
    "disk": 10,
    "retention": 10,
    "swarm": 30,
    "real": 1,
}
TRIOS = (
    *(  # the oldest that pyproject.toml allows
        f"~={each.removeprefix('trio>=')}.0"
        for each in PYPROJECT["project"]["dependencies"]
        if each.startswith("trio>=")
    ),
    "~=0.32.0",
    ">=0.35",  # the newest
)


def groups(*names: str) -> list[str]:
    """What the dependency groups of pyproject.toml name."""
    return list(nox.project.dependency_groups(PYPROJECT, *names))


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format of every file (ruff)."""
    session.install(*groups("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types of everything, tests too (mypy --strict)."""
    session.install("-e", ".", *groups("types"))
    session.run("mypy")
    session.run("mypy", "noxfile.py")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, on each Python that is here (some on one); arguments go to pytest."""
    session.install("-e", ".", *groups("test"))
    arguments = session.posargs
    if not arguments:
        left_out = ONCE if session.python != THIS else ()
        arguments = [*AT_ONCE, *(f"--ignore={each}" for each in left_out)]
    session.run("python", "-m", "pytest", *arguments)


@nox.session(default=False)
@nox.parametrize("trio", TRIOS)
def portable(session: nox.Session, trio: str) -> None:
    """One world, one digest, on the oldest trio, the newest, and one between."""
    session.install("-e", ".", *groups("test"), f"trio{trio}")
    session.run("python", "-m", "pytest", "tests/simulator/virtual/test_golden.py")


@nox.session
@nox.parametrize("suite", list(SUITES))
def sim(session: nox.Session, suite: str) -> None:
    """One suite of the simulator; arguments go to it, such as --seed 7."""
    session.install("-e", ".")
    arguments = session.posargs or ["--seeds", str(SUITES[suite]), "--jobs", "2"]
    session.run("python", "-m", "simulator", "run", suite, *arguments)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """How fast the server is on this machine; arguments go to it, such as --only W8."""
    session.install("-e", ".")
    session.run("python", "-m", "simulator", "bench", *session.posargs)


@nox.session(default=False)
def picture(session: nox.Session) -> None:
    """Draw the pictures of the client anew, from real runs."""
    session.install("-e", ".", *groups("test"))
    session.run("python", "-m", "docs.pictures", *session.posargs)
