# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that other programs like to bear."""

from __future__ import annotations

import re

# Compiled servers, by the names that one executable of each may run under. Those written in an interpreted
# language are not here: gunicorn's executable is Python, and rightly so.
DAEMONS: tuple[frozenset[str], ...] = (
    frozenset({"nginx", "openresty", "angie", "freenginx", "tengine"}),
    frozenset({"sshd", "sshd-session", "sshd-auth"}),
    frozenset({"cron", "crond"}),
    frozenset({"apache2", "apache", "httpd", "httpd-prefork", "httpd-worker"}),
    frozenset({"postgres", "postmaster"}),
    frozenset(
        {
            "redis-server",
            "redis-sentinel",
            "redis-check-rdb",
            "redis-check-aof",
            "valkey-server",
            "keydb-server",
        }
        | {"valkey-check-rdb", "valkey-check-aof"}
    ),
    frozenset({"mysqld", "mariadbd"}),
    *(
        frozenset({name})
        for name in (
            "php-fpm",
            "haproxy",
            "rsyslogd",
            "dockerd",
            "containerd",
            "memcached",
            "mongod",
            "named",
            "squid",
            "vsftpd",
            "proftpd",
            "atd",
            "dbus-daemon",
            "systemd-journald",
            "systemd-udevd",
            "systemd-logind",
            "agetty",
        )
    ),
)

# What the kernel calls its own threads. A container has none.
KERNEL_THREAD = re.compile(
    r"(?:kworker/|ksoftirqd/|migration/|cpuhp/|watchdog/|irq/[0-9]|rcu_(?:sched|preempt|bh|gp|par_gp|tasks)|jbd2/|scsi_eh_"
    r"|kthreadd$|kswapd[0-9]|khugepaged$|kauditd$|khungtaskd$|oom_reaper$|kcompactd[0-9]|kdevtmpfs$|kblockd$|kintegrityd$)"
)

# Runs programs of another architecture, or the program of a wrapper: the executable is not what runs.
LOADERS = re.compile(r"(?:qemu-|rosetta|ld-linux|ld-musl|ld\.so|box64|FEX)")
