// Compiles Python's sources in a folder, with the Python of the page: node compile.mjs FOLDER WHERE-IT-WILL-BE [KEEP].
// Each file gets its .pyc beside it. A package that is named as KEEP keeps its sources, and so has __pycache__.
import { loadPyodide } from "pyodide";

const [folder, place, keep] = process.argv.slice(2);
const py = await loadPyodide();
py.FS.mkdirTree("/code");
py.mountNodeFS("/code", folder);
py.globals.set("arguments", py.toPy([place, keep ?? ""]));
py.runPython(`
import os, py_compile
place, keep = arguments
for root, _, names in os.walk("/code"):
    for name in names:
        if not name.endswith(".py"):
            continue
        source = os.path.join(root, name)
        relative = os.path.relpath(source, "/code")
        kept = bool(keep) and relative.startswith(keep + "/")
        py_compile.compile(
            source,
            cfile=None if kept else source + "c",
            dfile=os.path.join(place, relative),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        if not kept:
            os.remove(source)
`);
