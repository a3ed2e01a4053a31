"""The import rules: who may import whom, and that nobody goes round in circles."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
#: What each package may import of ours besides itself. Only ``hybrid.cli`` may import more, inside functions.
MAY_IMPORT = {"mappings": set[str](), "hybrid": {"mappings"}, "ingest": {"hybrid"}, "workers": {"hybrid"}}
CLI, CLI_MAY_IMPORT_LAZILY = "hybrid.cli", {"ingest"}
CLUSTER_LIBRARY, ITS_ONLY_IMPORTER = "opensearchpy", "hybrid.engines.opensearch.client"
ENVIRONMENT_READER = "hybrid.settings"


class Import(NamedTuple):
    importer: str
    imported: str
    lazy: bool


def modules() -> dict[str, Path]:
    paths = (path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = modules()


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def base_of(importer: str, node: ast.ImportFrom) -> str:
    """Give the absolute name that a ``from … import`` starts from."""
    if not node.level:
        return node.module or ""
    is_package = MODULES[importer].name == "__init__.py"
    parts = importer.split(".")
    kept = parts[: len(parts) - node.level + is_package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def imported_by(importer: str, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = base_of(importer, node)
        whole = [f"{base}.{alias.name}" for alias in node.names]
        return [name if name in MODULES or base not in MODULES else base for name in whole]
    return []


def imports_of(importer: str) -> Iterator[Import]:
    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        yield from (Import(importer, name, lazy) for name in imported_by(importer, node))
        # What only the type checker reads is not imported at all.
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        inside = lazy or for_types or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    return walk(ast.parse(MODULES[importer].read_text("utf-8")), False)


IMPORTS = [found for module in MODULES for found in imports_of(module)]


def is_allowed(found: Import) -> bool:
    importer, imported = found.importer.split(".")[0], found.imported.split(".")[0]
    if imported == importer or imported not in MAY_IMPORT:
        return True
    if is_in(found.importer, CLI) and imported in CLI_MAY_IMPORT_LAZILY:
        return found.lazy
    return imported in MAY_IMPORT[importer]


def test_packages_import_only_what_they_may() -> None:
    assert [found for found in IMPORTS if not is_allowed(found)] == []


def test_nothing_outside_the_command_line_imports_it() -> None:
    inward = [found for found in IMPORTS if is_in(found.imported, CLI) and not is_in(found.importer, CLI)]
    assert inward == []


def test_one_module_talks_to_the_cluster() -> None:
    importers = {found.importer for found in IMPORTS if is_in(found.imported, CLUSTER_LIBRARY)}
    assert importers == {ITS_ONLY_IMPORTER}


def test_one_module_reads_the_environment() -> None:
    def reads(node: ast.AST) -> bool:
        named = isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}
        return named or (isinstance(node, ast.ImportFrom) and node.module == "os" and "env" in ast.unparse(node))

    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in MODULES.items()}
    readers = {module for module, tree in trees.items() if any(map(reads, ast.walk(tree)))}
    assert readers == {ENVIRONMENT_READER}


def test_imports_at_module_level_have_no_cycle() -> None:
    edges: dict[str, set[str]] = {module: set() for module in MODULES}
    for importer, imported, lazy in IMPORTS:
        if imported in MODULES and imported != importer and not lazy:
            edges[importer].add(imported)
    TopologicalSorter(edges).prepare()
