"""Builds the compiled reader of likenesses (``native/``) into the wheel where there is a compiler.

``CAUSEWATCH_NATIVE`` says whether: ``auto`` (the default: if ``cargo`` is there and the build
works), ``off``, or ``require`` (a failed build fails the installation). Without it everything works
the same, only slower.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = {"darwin": "libcausewatch_native.dylib", "win32": "causewatch_native.dll"}
LIMIT_S = 300


class NativeHook(BuildHookInterface[Any]):
    """Runs cargo before a wheel, editable or not, is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the library and put it beside the module that loads it."""
        wanted = os.environ.get("CAUSEWATCH_NATIVE", "auto")
        if wanted not in {"auto", "off", "require"}:
            raise ValueError(f"CAUSEWATCH_NATIVE is {wanted!r}, not auto, off or require")
        if self.target_name != "wheel" or wanted == "off":
            return
        problem = self._build()
        if not problem:
            build_data["artifacts"].append("daemon/causewatch/likeness/_native.so")
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"
        elif wanted == "require":
            raise RuntimeError(f"the compiled reader could not be built: {problem}")

    def _build(self) -> str:
        """Build; return what went wrong, or the empty string."""
        root = Path(self.root)
        manifest = root / "native" / "Cargo.toml"
        cargo = shutil.which("cargo")
        if cargo is None or not manifest.is_file():
            return "no cargo" if cargo is None else "no native/ in this source tree"
        target = root / "native" / "target"
        argv = [cargo, "build", "--release", "--quiet", "--locked", "--offline"]
        argv += ["--manifest-path", str(manifest), "--target-dir", str(target)]
        try:
            done = subprocess.run(  # noqa: S603  # nothing in it comes from outside
                argv, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode:
            return done.stderr[-2_000:]
        built = target / "release" / BUILT.get(sys.platform, "libcausewatch_native.so")
        beside = root / "daemon" / "causewatch" / "likeness" / "_native.so"
        shutil.copyfile(built, beside.with_suffix(".new"))
        # In one step: a process that runs the former one keeps it.
        beside.with_suffix(".new").replace(beside)
        return ""
