#!/bin/sh
# Installs what the tests need from the system, when it may: Chromium and a font. Says loudly what it could not get;
# the tests that need it then say so too, and with CI=true they fail.
set -u
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0
fi
echo "!! Chromium is not installed, so the tests that look at pages in a browser cannot run." >&2
