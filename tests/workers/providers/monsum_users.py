"""Who uses a field of a Monsum document, found in the code: attributes of what is typed as one, and names looked up in its `fields`.

Used by tests/workers/providers/monsum_page.py. It reads source text and runs nothing.
"""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
PARTS = {
    "auto-send": ("workflows/auto_send/*.py",), "credits": ("workflows/credits/*.py",), "customers": ("workflows/customers/*.py",),
    "dunning": ("workflows/dunning/*.py",), "events": ("workers/fold.py", "workers/deriving.py", "workers/lookups.py"),
    "looks": ("workers/providers/monsum_looks.py",), "orders": ("workers/providers/monsum_orders.py",),
    "client": ("workers/providers/monsum_client.py", "workers/providers/monsum_reads.py", "workers/providers/monsum_shell.py"),
    "doc_version": ("workers/providers/monsum_docs.py",),
}  # fmt: skip
TREES = {
    part: [ast.parse(path.read_text(encoding="utf-8")) for glob in globs for path in sorted(ROOT.glob(glob))]
    for part, globs in PARTS.items()
}  # fmt: skip
FIELDS = ("fields", "said", "extra", "now", "row", "record", "page")
PRINTED = "PRINTED_"


def users(document: str, names: Iterable[str], native: str) -> str:
    """Every part that reads one of these attributes or canonical names of `document`, or the provider's own name; "–" for nobody."""
    wanted = set(names)
    found = [part for part, trees in TREES.items() if any(wanted & _read(tree, document) or native in _constants(tree) for tree in trees)]
    return ", ".join(found) or "–"


@cache
def _read(tree: ast.AST, document: str) -> set[str]:
    """The attributes and canonical names a file reads of a document."""
    if document in _classes(tree):
        return _printed(tree) if document == "InvoiceDoc" else set()
    holders = _holders(tree, document)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _last(node.value) in holders}
    return attributes | _looked_up(tree)


def _classes(tree: ast.AST) -> set[str]:
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _printed(tree: ast.AST) -> set[str]:
    """What doc_version is made of."""
    tuples = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and _last(node.targets[0]).startswith(PRINTED)]
    return {one.value for found in tuples if isinstance(found, ast.Tuple) for one in found.elts if isinstance(one, ast.Constant)} | {
        "items"
    }


def _holders(tree: ast.AST, document: str) -> set[str]:
    """Names that are typed as the document, or given what a read of it returned."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None and document in ast.unparse(node.annotation):
            found.add(node.arg if isinstance(node, ast.arg) else _last(node.target))
        query = {"InvoiceDoc": "monsum.invoice", "CustomerDoc": "monsum.customer"}.get(document, "?")
        reader = {"InvoiceDoc": "invoice_doc(", "CustomerDoc": "customer_doc("}.get(document, "?")
        if isinstance(node, ast.Assign):
            made = ast.unparse(node.value)
            found |= {_last(target) for target in node.targets if f"{query}," in made or made.startswith(reader)}
    return found - {""}


def _looked_up(tree: ast.AST) -> set[str]:
    """Constants in fields.get("x") and fields["x"], and those a comprehension goes through while it looks them up."""
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and _last(node.func) == "get"
            and isinstance(node.func, ast.Attribute)
            and _of_fields(node.func.value)
        ):
            found |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
        elif isinstance(node, ast.Subscript) and _of_fields(node.value) and isinstance(node.slice, ast.Constant):
            found.add(node.slice.value)
        elif isinstance(node, ast.GeneratorExp | ast.ListComp | ast.DictComp) and ".get(" in ast.unparse(node):
            through = [one.iter for one in node.generators if isinstance(one.iter, ast.Tuple)]
            found |= {one.value for each in through for one in each.elts if isinstance(one, ast.Constant)}
    return {name for name in found if isinstance(name, str)}


@cache
def _constants(tree: ast.AST) -> set[str]:
    return {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper()
    }


def _of_fields(node: ast.AST) -> bool:
    return _last(node) in FIELDS


def _last(node: ast.AST) -> str:
    """The last name of an expression: "invoice" of `account.invoice`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
