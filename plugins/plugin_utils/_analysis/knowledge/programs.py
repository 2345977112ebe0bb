# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs by what they do in a container. Names are those of the executable file, without version digits."""

from __future__ import annotations

import re

# Answers strangers over the network and has no need of a shell while it does.
SERVICES = {
    "java": "java",
    "tomcat": "tomcat",
    "jsvc": "java",
    "php-fpm": "php-fpm",
    "php-cgi": "php-cgi",
    "lsphp": "php",
    "apache": "apache",
    "apache2": "apache",
    "httpd": "httpd",
    "nginx": "nginx",
    "caddy": "caddy",
    "lighttpd": "lighttpd",
    "traefik": "traefik",
    "haproxy": "haproxy",
    "envoy": "envoy",
    "node": "node",
    "nodejs": "node",
    "bun": "bun",
    "deno": "deno",
    "dotnet": "dotnet",
    "w3wp": "w3wp",
    "puma": "puma",
    "unicorn": "unicorn",
    "postgres": "postgres",
    "postmaster": "postgres",
    "mysqld": "mysqld",
    "mariadbd": "mariadbd",
    "redis-server": "redis",
    "redis": "redis",
    "redis-check-rdb": "redis",
    "valkey-server": "valkey",
    "mongod": "mongod",
    "memcached": "memcached",
    "clickhouse": "clickhouse",
    "beam.smp": "erlang",
    "couchdb": "couchdb",
    "vsftpd": "vsftpd",
    "proftpd": "proftpd",
    "exim": "exim",
    "master": "postfix",
    "named": "named",
    "squid": "squid",
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn",
    "uwsgi": "uwsgi",
}

# Interpreters that are a service when their command line says so.
SERVICE_WORDS = {
    "python": (
        "gunicorn",
        "uvicorn",
        "hypercorn",
        "daphne",
        "waitress",
        "flask",
        "runserver",
        "http.server",
        "SimpleHTTPServer",
        "wsgi",
        "asgi",
        "jupyter",
        "streamlit",
        "airflow",
        "odoo",
    ),
    "php": ("-S", "artisan", "octane", "swoole"),
    "ruby": ("puma", "unicorn", "rails", "rackup", "thin", "passenger"),
    "perl": ("starman", "plackup", "hypnotoad", "daemon"),
}

# Shells, under any name a system gives them.
SHELLS = frozenset(
    {"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "busybox-sh"}
)

# Interpreters that run what a line of text tells them, and the flags before such a line.
INTERPRETERS = frozenset(
    {"python", "pypy", "perl", "ruby", "lua", "luajit", "php", "tclsh", "expect", "gawk", "mawk"}
)
INLINE_FLAGS: dict[str, tuple[str, ...]] = {
    "python": ("-c",),
    "pypy": ("-c",),
    "perl": ("-e", "-E", "-Me"),
    "ruby": ("-e",),
    "lua": ("-e",),
    "luajit": ("-e",),
    "php": ("-r",),
    "expect": ("-c",),
}

# Letters of options after which no file with the program follows: it is on the command line, or a module.
NO_SCRIPT = {
    "python": "cm",
    "pypy": "cm",
    "perl": "eE",
    "ruby": "e",
    "lua": "e",
    "luajit": "e",
    "php": "rRB",
    "node": "ep",
    "nodejs": "ep",
}

# A program on the command line that talks to others by itself, and not through a library for one purpose.
OPENS_SOCKETS = re.compile(
    r"\bsocket\b|IO::Socket|fsockopen|stream_socket_client|TCPSocket|\(.(?:node:)?(?:net|tls).\)|create_connection"
)
RUN_SCRIPTS = SHELLS | INTERPRETERS | {"node", "nodejs"}

# Programs that hand a network connection to other programs.
NETWORK_TOOLS = frozenset(
    {"nc", "ncat", "netcat", "nc.openbsd", "nc.traditional", "socat", "telnet", "cryptcat"}
)

# Programs that bring files in or out.
DOWNLOADERS = frozenset({"curl", "wget", "ftp", "tftp", "scp", "sftp", "rsync", "lwp-download", "fetch"})

# One file with many programs: the first word of the command line says which.
MULTICALL = frozenset({"busybox", "toybox", "coreutils", "bb"})

# Starts programs by trade, so that a shell below it says little: words of the command line, and marks in it.
LAUNCHER_WORDS = frozenset(
    {
        "npm",
        "npm-cli",
        "npx",
        "npx-cli",
        "yarn",
        "pnpm",
        "corepack",
        "pm2",
        "nodemon",
        "lerna",
        "turbo",
        "n8n",
    }
    | {"concurrently", "supervisord", "airflow", "jupyter", "jupyter-lab", "jupyter-notebook"}
)
LAUNCHER_MARKS = (
    "jenkins.war",
    "remoting.jar",
    "agent.jar",
    "slave.jar",
    "GradleDaemon",
    "GradleWrapperMain",
    "plexus-classworlds",
    "org.apache.spark",
    "org.apache.hadoop",
    "rundeck",
    "teamcity",
    "PM2 v",
    "postgres: archiver",
    "postgres: startup",
)

# Starts whatever it is told to: what hangs below it hangs below no service.
LAUNCHERS = frozenset(
    {
        "sshd",
        "sshd-session",
        "dropbear",
        "systemd",
        "init",
        "tini",
        "dumb-init",
        "docker-init",
        "catatonit",
        "supervisord",
        "s-svscan",
        "s-supervise",
        "runsvdir",
        "runsv",
        "cron",
        "crond",
        "atd",
        "dockerd",
        "containerd",
        "containerd-shim-runc-v",
        "buildkitd",
        "gitlab-runner",
        "tmux",
        "screen",
        "script",
        "code-server",
        "ttyd",
    }
)

# Children of shells under a service that explain the shell: log piping, mail, backups the service asked for.
HARMLESS_GRANDCHILDREN = frozenset(
    {"rotatelogs", "cronolog", "logger", "multilog", "sendmail", "msmtp", "pgbackrest", "wal-g"}
)

# Starts scripts of a repository that somebody pushed to or pulled.
RUNS_HOOKS = frozenset({"git", "git-receive-pack", "git-upload-pack", "git-remote-https", "hg", "svnserve"})

# Interpreters of which nearly all uses are filters.
FILTERS = frozenset({"gawk", "mawk"})

# What services have a shell do on their behalf, as the first words of commands.
HARMLESS_COMMANDS = frozenset(
    {
        "gzip",
        "gunzip",
        "zip",
        "unzip",
        "tar",
        "xz",
        "zstd",
        "bzip2",
        "convert",
        "magick",
        "identify",
        "mogrify",
    }
    | {
        "ffmpeg",
        "ffprobe",
        "gs",
        "pdftotext",
        "pdftoppm",
        "wkhtmltopdf",
        "soffice",
        "libreoffice",
        "exiftool",
    }
    | {
        "optipng",
        "jpegoptim",
        "cwebp",
        "tesseract",
        "df",
        "du",
        "free",
        "uptime",
        "awk",
        "sed",
        "grep",
        "sort",
        "uniq",
    }
    | {
        "head",
        "tail",
        "wc",
        "cut",
        "tr",
        "cp",
        "mv",
        "mkdir",
        "date",
        "sleep",
        "test",
        "[",
        "echo",
        "printf",
        "true",
    }
    | {"sync", "stat", "exit", "cd", "rotatelogs", "logger", "sendmail", "pg_dump", "pg_isready", "mysqldump"}
    | {
        "mariadb-dump",
        "redis-cli",
        "pgbackrest",
        "wal-g",
        "nginx",
        "ldconfig",
        "locale",
        "getconf",
        "nproc",
        "lscpu",
    }
)

# A shell that waits for these before the service starts (wait-for-it and its kin) opens a socket by itself.
AWAITED_PORTS = frozenset({5432, 3306, 6379, 27017, 5672, 9092, 9200, 2181, 11211, 1433, 1521, 8500})

# Words on a command line that only miners use.
MINER_WORDS = (
    "stratum+tcp://",
    "stratum+ssl://",
    "stratum+tls://",
    "--donate-level",
    "--coin=",
    "cryptonight",
    "randomx",
    "nicehash",
)
MINER_NAMES = frozenset(
    {
        "xmrig",
        "xmr-stak",
        "cpuminer",
        "minerd",
        "ethminer",
        "kdevtmpfsi",
        "kinsing",
        "t-rex",
        "nbminer",
        "lolminer",
    }
)
