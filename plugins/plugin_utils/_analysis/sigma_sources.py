# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of Sigma's log sources a case has, and where in case.sqlite. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import schema

# Other names that rules have for our columns, in lower case.
ALIASES = {
    "c-uri": "cs-uri",
    "c-uri-stem": "cs-uri-stem",
    "c-uri-query": "cs-uri-query",
    "c-useragent": "cs-user-agent",
    "cs-useragent": "cs-user-agent",
    "cs(user-agent)": "cs-user-agent",
    "cs(referer)": "cs-referer",
    "cs-referrer": "cs-referer",
    "sc_status": "sc-status",
    "src_ip": "SourceIp",
    "dst_ip": "DestinationIp",
    "src_port": "SourcePort",
    "dst_port": "DestinationPort",
}


@dataclass(frozen=True)
class Table:
    """Where the rules of a log source look. `only` is a condition in SQL, without anything of a rule or of the
    evidence in it."""

    name: str
    only: str = ""
    text: str = "message"

    @property
    def columns(self) -> dict[str, str]:
        """The columns by their names in lower case, those that rules call otherwise included."""
        known = schema.CONTAINER if self.name == "container" else schema.TABLES[self.name]
        own = {name.lower(): name for name in known}
        return {**{alias: name for alias, name in ALIASES.items() if name.lower() in own}, **own}


_BY_CATEGORY = {
    "process_creation": Table("process_creation", text="CommandLine"),
    "file_event": Table("file_event", text="TargetFilename"),
    "network_connection": Table("network_connection", text="CommandLine"),
}

# What Sigma calls a service of Linux, and the programs that write its log.
_SERVICES = {
    "sshd": ("sshd",),
    "sudo": ("sudo",),
    "auth": ("sshd", "sudo", "su", "login", "systemd-logind", "useradd", "usermod", "groupadd", "passwd"),
    "cron": ("cron", "crond", "crontab", "anacron"),
    "vsftpd": ("vsftpd",),
    "guacamole": ("guacd", "guacamole"),
    "clamav": ("clamd", "clamscan", "freshclam", "clamav", "clamdscan"),
}
_WEB_SERVERS = {"apache": ("apache2", "httpd"), "nginx": ("nginx", "openresty")}

# Products of category `application`, and what runs them; where that is not known their rules look as well.
_RUNTIMES = {
    "jvm": "jvm",
    "spring": "jvm",
    "velocity": "jvm",
    "python": "python",
    "django": "python",
    "nodejs": "nodejs",
    "ruby_on_rails": "ruby",
    "ruby": "ruby",
}


def table_for(logsource: Mapping[str, Any]) -> Table | str:
    """The table for rules of a log source; where there is none, why."""
    product, category, service = (_word(logsource.get(key)) for key in ("product", "category", "service"))
    if product == "docker" and not category:
        return _docker(service)
    if category in _BY_CATEGORY and product in ("", "linux") and not service:
        return _BY_CATEGORY[category]
    if category == "webserver" or (category == "" and product in ("apache", "nginx") and not service):
        return Table("webserver")
    if category == "application" and not service and product in (*_RUNTIMES, "sql"):
        return Table("log", _runtime(_RUNTIMES.get(product, "")))
    if category == "database" and not product:
        return Table("log")
    if category == "" and product in ("", "linux"):
        return _service(product, service)
    return _reason(product, category, service)


def _docker(service: str) -> Table | str:
    if service == "container":
        return Table("container", text="command")
    if service == "events":
        return Table("event", text="command")
    return _reason("docker", "", service)


def _service(product: str, service: str) -> Table | str:
    if service in _SERVICES:
        return Table("log", _written_by(_SERVICES[service]))
    if service in _WEB_SERVERS:
        return Table("log", _written_by(_WEB_SERVERS[service]))
    if product == "linux" and service in ("", "syslog"):
        return Table("log")
    if service == "auditd":
        return "The log of auditd is the host's, and is not collected."
    return _reason(product, "", service)


def _written_by(programs: tuple[str, ...]) -> str:
    return "service IN ({})".format(", ".join(f"'{name}'" for name in programs))


def _runtime(name: str) -> str:
    return f"runtime IN ('{name}', '')" if name else ""


def _reason(product: str, category: str, service: str) -> str:
    told = [
        f"{key} {word}" for key, word in (("product", product), ("category", category), ("service", service))
    ]
    named = ", ".join(entry for entry in told if not entry.endswith(" "))
    return f"There is no such log source in a case: {named or 'none is named'}."


def _word(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""
