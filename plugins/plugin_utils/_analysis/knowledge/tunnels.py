# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that carry connections to where they could not go by themselves."""

from __future__ import annotations

import re

# By the name of the program or of its script, without version digits.
TOOLS = frozenset(
    {"chisel", "frpc", "frps", "ngrok", "gost", "ligolo", "ligolo-ng", "rathole", "bore", "cloudflared"}
    | {"revsocks", "rsocks", "iodine", "iodined", "dnscat", "dnscat2", "ptunnel", "ptunnel-ng", "icmptunnel"}
    | {
        "wstunnel",
        "stowaway",
        "nps",
        "npc",
        "3proxy",
        "microsocks",
        "proxychains",
        "sshuttle",
        "autossh",
        "pwnat",
    }
    | {"gs-netcat", "inlets", "zrok", "localxpose", "localtunnel", "lt", "neoreg", "suo5", "iox", "ew"}
)
# Only these say so on their command line: the name alone is a word like any other.
COMMON_WORDS = frozenset({"lt", "ew", "bore", "npc", "nps", "gost", "iox"})

# Of ssh: options that open a way in (-R, -D) or a network (-w), alone or with their value.
SSH = frozenset({"ssh", "dbclient", "plink"})
SSH_WAYS = re.compile(r"-[A-Za-z0-9]{0,8}[RDw]")
# Options of ssh whose value is the next word, so that it is not taken for one.
SSH_TAKES_WORD = frozenset("BbcDEeFIiJLlmOopQRSWw")

# Of socat: an address of the network.
SOCAT_NETWORK = re.compile(
    r"(?:TCP|TCP4|TCP6|UDP|UDP4|UDP6|OPENSSL|SSL|SOCKS4A?|SOCKS5|PROXY|SCTP)(?:-LISTEN|-L|-CONNECT|-DATAGRAM)?:",
    re.IGNORECASE,
)

# Carry what a shell says over a pipe.
CARRIERS = frozenset({"openssl", "gnutls-cli", "ssh", "dbclient", "stunnel", "websocat"})
# Stand between a shell and its carrier without changing anything.
BETWEEN = frozenset(
    {"cat", "tee", "stdbuf", "script", "rlwrap", "unbuffer", "setsid", "timeout", "env", "sh", "dash", "bash"}
)
