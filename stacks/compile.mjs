// Compiles folders of Python for the functions' Python version, whichever version this machine has:
// node compile.mjs ROOT VERSION FOLDER...   Bytecode does not depend on the CPU, so Pyodide's suits all.
import { loadPyodide } from "pyodide";

const [root, version, ...folders] = process.argv.slice(2);
const python = await loadPyodide();
python.FS.mkdir("/package");
python.FS.mount(python.FS.filesystems.NODEFS, { root }, "/package");
python.globals.set("version", version);
python.globals.set("folders", python.toPy(folders));
python.runPython(`
import compileall, py_compile, sys

runs = "{}.{}".format(*sys.version_info)
if runs != version:
    sys.exit(f"package.json's pyodide is Python {runs} and the functions run {version}: change one of them.")
for folder in folders:
    if not compileall.compile_dir(
        f"/package/{folder}", quiet=1, stripdir="/package", prependdir="/var/task",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    ):
        sys.exit(f"{folder} does not compile as Python {version}.")
`);
