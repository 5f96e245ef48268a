#!/bin/sh
# Installs what the tests need from the system, when it may: Chromium and a font, Redis, PostgreSQL and nginx; with
# CI=true a container engine too.
# Says loudly what it could not get; the tests that need it then say so too, and with CI=true they fail.
set -u

# The container: an engine, and what makes its base image where no registry of images is reached.
if [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] && ! docker info >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
    { command -v podman && command -v runc && command -v debootstrap; } >/dev/null 2>&1 || { apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends podman runc debootstrap >/dev/null 2>&1; } ||
        echo "!! podman, runc and debootstrap are not all installed, so the container cannot be run." >&2
fi

# Background jobs on several machines, and compose.yaml: their servers.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 &&
    ! { command -v redis-server && ls /usr/lib/postgresql/*/bin/initdb && ls /usr/sbin/nginx; } >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends redis-server postgresql nginx-light >/dev/null 2>&1
fi
{ command -v redis-server && { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; }; } >/dev/null 2>&1 ||
    echo "!! Redis and PostgreSQL are not both installed, so the tests of workers with them cannot run." >&2
{ command -v nginx || ls /usr/sbin/nginx; } >/dev/null 2>&1 ||
    echo "!! nginx is not installed, so compose.yaml cannot be run." >&2

command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0
fi
echo "!! Chromium is not installed, so the tests that look at pages in a browser cannot run." >&2
