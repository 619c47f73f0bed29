"""Builds and checks a release: wheel, sdist, Debian package, one file, man page, completions, bill of materials."""
