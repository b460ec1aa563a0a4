"""What would let somebody in stands nowhere in the source: pickles, code made of text, shells, doors without a lock."""

import ast

import pytest

from source_code import MODULES, imported, tree

MODULES_THAT_RUN_WHAT_THEY_READ = {
    *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"),
    *("yaml", "tarfile"),  # `yaml.load` makes objects, unless it is told not to; tar files make links and devices
}
NEVER_CALLED = {
    *("eval", "exec", "compile", "torch.load", "torch.save", "torch.hub.load", "torch.jit.load"),
    *("os.system", "os.popen", "tempfile.mktemp", "np.fromfile", "pd.read_pickle", "ssl._create_unverified_context"),
}
NEVER_GIVEN = {
    **dict.fromkeys(("shell", "trust_remote_code", "allow_pickle"), "True"),
    **dict.fromkeys(("verify", "weights_only", "use_safetensors"), "False"),
}


def risky(node: ast.Call) -> bool:
    """Whether a call may run, unpickle or trust what it is given."""
    call = ast.unparse(node.func).replace("numpy.", "np.")
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if call in NEVER_CALLED or any(given.get(key) == value for key, value in NEVER_GIVEN.items()):
        return True
    if call == "np.load":
        return given.get("allow_pickle") != "False"
    return call.startswith("YAML(") and call.endswith(").load") and call != "YAML(typ='safe').load"


def test_no_module_that_unpickles_is_imported() -> None:
    pairs = [(module, name.split(".")[0]) for module in MODULES for name in imported(module)]
    assert [f"{module}: {name}" for module, name in pairs if name in MODULES_THAT_RUN_WHAT_THEY_READ] == []


def test_no_call_is_risky() -> None:
    calls = ((module, node) for module in MODULES for node in ast.walk(tree(module)) if isinstance(node, ast.Call))
    assert [f"{module}:{node.lineno} {ast.unparse(node)}" for module, node in calls if risky(node)] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("torch.load(p)", True),
        ("torch.load(p, weights_only=True)", True),
        ("eval('1')", True),
        ("model.eval()", False),
        ("torch.compile(m)", False),
        ("np.load(p)", True),
        ("np.load(p, allow_pickle=True)", True),
        ("np.load(p, allow_pickle=False)", False),
        ("subprocess.run(w, shell=True)", True),
        ("subprocess.run(w, check=False)", False),
        ("YAML().load(t)", True),
        ("YAML(typ='unsafe').load(t)", True),
        ("YAML(typ='safe').load(t)", False),
        ("YAML().dump(t)", False),
        ("kind.from_pretrained(n, trust_remote_code=True)", True),
        ("kind.from_pretrained(n, use_safetensors=True)", False),
    ],
)
def test_risky_calls_are_told_from_others(source: str, expected: bool) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert risky(call) == expected
