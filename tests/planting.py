"""Single faults in a Python source: where one can be planted, and the source with it. For tests.mutants."""
import ast
import copy
from typing import NamedTuple

TURNED = {ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
          ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
          ast.NotIn: (ast.In,)}
EXCHANGED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mod,
             ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
PAIRS = [('min', 'max'), ('argmin', 'argmax'), ('minimum', 'maximum'), ('any', 'all'), ('floor', 'ceil'),
         ('zeros', 'ones'), ('zeros_like', 'ones_like'), ('sum', 'mean'), ('sin', 'cos'), ('exp', 'log'),
         ('startswith', 'endswith'), ('append', 'extend'), ('sorted', 'list')]
NAMES = dict(PAIRS) | {b: a for a, b in PAIRS}
NO_FAULTS = (ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Global, ast.Nonlocal, ast.pattern)


class Fault(NamedTuple):
    path: str           # from the root of the tree
    node: ast.AST       # what is replaced: its lines and columns
    what: str           # a >= b → a > b
    new: str            # the source that comes in its place
    lines: range        # who runs one of these runs the fault; empty where that is at import
    owner: str          # the function, or the module's constant, that it stands in


class Finder:
    """All faults that a file offers: .places has a list for each node of its syntax tree that can be changed."""

    def __init__(self, path, source):
        self.path, self.source = path, source
        self.places = {}
        self.lines, self.owner, self.known = range(0), '', set()
        self.visit_body(ast.parse(source))

    def add(self, node, new, what=None):
        what = what or f'{ast.unparse(node)} → {new}'
        key = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        self.places.setdefault(key, []).append(
            Fault(self.path, node, ' '.join(what.split()), new, self.lines, self.owner))

    def replace(self, node, **changed):
        """Offer the expression with these fields changed, in brackets: it stands in another one."""
        other = copy.copy(node)
        vars(other).update(changed)
        self.add(node, f'({ast.unparse(other)})', f'{ast.unparse(node)} → {ast.unparse(other)}')

    def visit_body(self, node):
        """The statements of a module, a class or a function but for its docstring."""
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        for statement in body:
            self.visit_statement(statement)

    def visit_statement(self, node):
        if isinstance(node, NO_FAULTS):
            return
        if isinstance(node, ast.ClassDef):
            self.visit_body(node)
        elif isinstance(node, ast.FunctionDef):
            self.visit_function(node)
        else:
            inside = bool(self.lines)
            if inside:
                body = getattr(node, 'body', None) or getattr(node, 'cases', None)
                first_inside = getattr(body[0], 'lineno', None) or body[0].pattern.lineno if body else 0
                self.lines = range(node.lineno, max(node.lineno + 1, first_inside or node.end_lineno + 1))
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                self.owner = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            self.drop(node)
            if not isinstance(node, ast.Raise):
                self.visit_expressions(node)
            self.known.update(name.id for name in ast.walk(node)
                              if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))

    def visit_function(self, node):
        saved = self.lines, self.owner, self.known
        body = node.body[1:] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body
        self.lines, self.owner = range(body[0].lineno, node.end_lineno + 1), node.name
        self.known = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
        for default in filter(None, [*node.args.defaults, *node.args.kw_defaults]):
            if isinstance(default, ast.Constant) and (default.value is None or isinstance(default.value, str)):
                new = '1' if default.value is None else "'other'"
                self.add(default, new, f'default {ast.unparse(default)} → {new}')
            else:
                self.visit_expression(default)
        self.visit_body(node)
        self.lines, self.owner, self.known = saved

    def drop(self, node):
        """A statement that can be left out, so that the fault is not simply a name without a value."""
        match node:
            case ast.Assign(targets=[*targets]):
                names = [name.id for target in targets for name in ast.walk(target)
                         if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]
                can = bool(self.lines) and self.known.issuperset(names)
            case ast.Expr(value=ast.Constant()):
                can = False
            case ast.Return(value=None):
                can = True
            case _:
                can = isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Return | ast.Delete | ast.Break
                                 | ast.Continue)
        if can:
            self.add(node, 'pass', f'dropped: {ast.unparse(node)}')

    def visit_expressions(self, node):
        """The expressions of a statement, and the statements inside it."""
        test = getattr(node, 'test', None)
        if isinstance(node, ast.If):
            self.add(test, 'True')
        if isinstance(node, ast.If | ast.While):
            self.add(test, 'False')
        if isinstance(node, ast.AugAssign) and type(node.op) in EXCHANGED:
            other = copy.copy(node)
            other.op = EXCHANGED[type(node.op)]()
            self.add(node, ast.unparse(other))
        skipped = {getattr(node, 'annotation', None)}
        for child in ast.iter_child_nodes(node):
            if child in skipped or isinstance(child, NO_FAULTS):
                continue
            if isinstance(child, ast.stmt):
                lines = self.lines
                self.visit_statement(child)
                self.lines = lines
            elif isinstance(child, ast.expr):
                self.visit_expression(child)
            else:                                       # a case, a with, an except
                self.visit_expressions(child)

    def visit_expression(self, node):
        match node:
            case ast.Constant(value=bool()):
                self.add(node, str(not node.value))
            case ast.Constant(value=int()):
                self.add(node, str(node.value + 1))
            case ast.Constant(value=float()):
                self.add(node, repr(2 * node.value or 1.0))
            case ast.Compare(ops=[op]) if type(op) in TURNED:
                for turned in TURNED[type(op)]:
                    self.replace(node, ops=[turned()])
            case ast.Compare(ops=[_, _]):
                for i in (0, 1):
                    self.replace(node, ops=[TURNED[type(op)][0]() if i == j else op for j, op in enumerate(node.ops)])
            case ast.BinOp() if type(node.op) in EXCHANGED:
                self.replace(node, op=EXCHANGED[type(node.op)]())
            case ast.BoolOp():
                self.replace(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                self.add(node, f'({ast.unparse(node.operand)})')
            case ast.IfExp():
                self.add(node.test, 'True')
                self.add(node.test, 'False')
            case ast.comprehension(ifs=[test]):
                self.add(test, 'True')
            case ast.Call():
                self.visit_call(node)
        if not isinstance(node, NO_FAULTS):
            for child in ast.iter_child_nodes(node):
                self.visit_expression(child)

    def visit_call(self, node):
        f = node.func
        if isinstance(f, ast.Name) and f.id in NAMES:
            self.replace(node, func=ast.Name(NAMES[f.id]))
        elif isinstance(f, ast.Attribute) and f.attr in NAMES:
            self.replace(node, func=ast.Attribute(f.value, NAMES[f.attr]))
        for keyword in node.keywords:
            if keyword.arg:
                self.replace(node, keywords=[other for other in node.keywords if other is not keyword])


def planted(source, fault):
    """The source of a file with the fault in it. The syntax tree counts columns in bytes."""
    lines = source.encode().splitlines(keepends=True)
    first, last = fault.node.lineno - 1, fault.node.end_lineno - 1
    text = (lines[first][:fault.node.col_offset] + fault.new.encode() + lines[last][fault.node.end_col_offset:])
    changed = b''.join([*lines[:first], text, *lines[last + 1:]])
    ast.parse(changed)
    return changed
